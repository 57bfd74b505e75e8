// A list of any length of which only the lines in sight exist. Arrow keys, Page Up and Down, Home
// and End move; Enter opens. The line in hand is told to screen readers by aria-activedescendant.

class List {
  constructor(grid, fill, open) {
    this.grid = grid;
    this.window = grid.querySelector(".window");
    this.sheet = this.window.firstElementChild;
    this.fill = fill;
    this.open = open;
    this.rows = [];
    this.here = 0;
    this.lines = new Map();
    this.height = 2.1 * parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.window.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.window);
    grid.addEventListener("keydown", (event) => this.key(event));
    this.sheet.addEventListener("click", (event) => {
      const line = event.target.closest(".line");
      if (!line) return;
      this.move(Number(line.dataset.index));
      this.open(this.here);
    });
  }

  show(rows) {
    this.rows = rows;
    this.here = 0;
    this.grid.setAttribute("aria-rowcount", rows.length + 1);
    this.sheet.style.height = `${rows.length * this.height}px`;
    this.window.scrollTop = 0;
    this.clear();
    this.draw();
  }

  clear() {
    for (const line of this.lines.values()) line.remove();
    this.lines.clear();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.window.scrollTop / this.height) - 6);
    const last = Math.min(
      this.rows.length - 1,
      Math.ceil((this.window.scrollTop + this.window.clientHeight) / this.height) + 6,
    );
    for (const [index, line] of this.lines) {
      if (index < first || index > last) {
        line.remove();
        this.lines.delete(index);
      }
    }
    for (let index = first; index <= last; index += 1) {
      if (!this.lines.has(index)) this.add(index);
    }
    this.mark();
  }

  add(index) {
    const line = made("div", null, { class: "line", role: "row", id: `line${index}` });
    line.dataset.index = index;
    line.setAttribute("aria-rowindex", index + 2);
    line.style.top = `${index * this.height}px`;
    this.lines.set(index, line);
    this.fill(line, this.rows[index]);
    // in order, for those who read by element
    const next = this.lines.get(index + 1);
    this.sheet.insertBefore(line, next || null);
  }

  mark() {
    for (const [index, line] of this.lines) {
      line.classList.toggle("here", index === this.here);
      line.setAttribute("aria-selected", index === this.here);
    }
    if (this.lines.has(this.here)) {
      this.grid.setAttribute("aria-activedescendant", `line${this.here}`);
    } else {
      this.grid.removeAttribute("aria-activedescendant");
    }
  }

  move(index) {
    if (!this.rows.length) return;
    this.here = Math.min(Math.max(index, 0), this.rows.length - 1);
    const top = this.here * this.height;
    const view = this.window.clientHeight;
    if (top < this.window.scrollTop) this.window.scrollTop = top;
    else if (top + this.height > this.window.scrollTop + view) {
      this.window.scrollTop = top + this.height - view;
    }
    this.draw();
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.window.clientHeight / this.height) - 1);
    const to = {
      ArrowDown: this.here + 1,
      ArrowUp: this.here - 1,
      PageDown: this.here + page,
      PageUp: this.here - page,
      Home: 0,
      End: this.rows.length - 1,
    }[event.key];
    if (to !== undefined) this.move(to);
    else if (event.key === "Enter" && this.rows.length) this.open(this.here);
    else return;
    event.preventDefault();
  }
}
