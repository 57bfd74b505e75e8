// The page's script: opens the data, fills the form, and ties filters, list and details together.

function outcomeOf(data, place) {
  if (data.value[place] === null) return ["", "left out"];
  return [
    ["failed", "not passed"],
    ["passed", "passed"],
    ["", "no bar"],
  ][data.passed[place]];
}

class Browser {
  constructor(data, texts) {
    this.data = data;
    this.texts = texts;
    this.form = document.getElementById("filters");
    this.status = document.getElementById("told");
    this.chips = document.getElementById("chips");
    this.dialog = document.getElementById("detail");
    this.link = null;
    this.turn = 0;
    this.quiet = false;
    this.size = data.value.length;
    this.details = new Details(this.dialog, data, texts, (p) => this.rowNumber(p));
    const grid = document.getElementById("grid");
    this.list = new List(grid, (line, p) => this.fill(line, p), (i) => this.openAt(i));
    this.options();
    this.listen();
  }

  rowNumber(place) {
    return (this.data.row ? this.data.row[place] : place) + 1;
  }

  options() {
    const counts = new Map();
    for (const task of this.data.task) counts.set(task, (counts.get(task) || 0) + 1);
    const largest = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 500);
    const add = (name, value, text) => {
      this.form.elements[name].append(made("option", text, { value }));
    };
    for (const [task] of largest) add("task", task, this.data.tasks[task] || "(no task)");
    this.data.sources.forEach((source, i) => add("source", i, source.name));
    this.data.statuses.forEach((status, code) => {
      if (status) add("says", `s${code}`, status);
    });
  }

  listen() {
    let waiting = 0;
    this.form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.apply(), 150);
    });
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("reset", () => {
      if (this.quiet) return;
      this.link = null;
      setTimeout(() => this.apply(), 0); // the form is empty after this event
    });
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-show]");
      if (button) this.follow(JSON.parse(button.dataset.show));
    });
    this.dialog.addEventListener("click", (event) => this.act(event.target.dataset.do));
    this.dialog.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: "back", ArrowRight: "on" }[event.key];
      if (step && !event.altKey && !event.ctrlKey && !event.metaKey) this.act(step);
    });
  }

  // Show what a table's link leads to: one row, or those that fit.
  async follow(show) {
    if ("row" in show) {
      const place = this.data.row ? this.data.row.indexOf(show.row) : show.row;
      await this.only(null);
      this.list.move(place);
      this.openAt(place);
      return;
    }
    await this.only(show);
    document.getElementById("browser").scrollIntoView();
    this.list.grid.focus({ preventScroll: true });
  }

  // An empty form and one link's filter.
  only(link) {
    this.quiet = true;
    this.form.reset();
    this.quiet = false;
    this.link = link;
    return this.apply();
  }

  act(what) {
    if (what === "close") this.dialog.close();
    else if (what === "back" || what === "on") {
      this.list.move(this.list.here + (what === "on" ? 1 : -1));
      this.openAt(this.list.here);
    } else if (what === "group") {
      const group = this.data.group[this.list.rows[this.list.here]];
      this.dialog.close();
      this.follow({ group });
    }
  }

  openAt(index) {
    const { here, rows } = this.list;
    this.dialog.querySelector("[data-do=back]").disabled = here === 0;
    this.dialog.querySelector("[data-do=on]").disabled = here >= rows.length - 1;
    return this.details.open(rows[index]);
  }

  async apply() {
    this.turn += 1;
    const turn = this.turn;
    const tests = formTests(this.form, this.data);
    this.showChip(tests);
    let places = [];
    for (let p = 0; p < this.size; p += 1) if (tests.every((test) => test(p))) places.push(p);
    const words = wordsOf(this.form.elements.text.value);
    if (words.length) {
      const alive = () => turn === this.turn;
      const total = places.length;
      places = await withText(this.texts, places, words, alive, (done) => {
        this.status.textContent = `Searching … ${counted(done)} of ${counted(total)} rows`;
      });
      if (places === null) return; // the filters changed meanwhile
    }
    this.sort(places);
    this.list.show(places);
    this.status.textContent = `${counted(places.length)} of ${counted(this.size)} rows`;
  }

  showChip(tests) {
    this.chips.replaceChildren();
    if (!this.link) return;
    const [test, words] = linkTest(this.link, this.data);
    tests.push(test);
    const chip = made("button", `${words} ✕`, { type: "button", class: "button" });
    chip.setAttribute("aria-label", `Remove the filter: ${words}`);
    chip.addEventListener("click", () => {
      this.link = null;
      this.apply();
      this.form.elements.text.focus();
    });
    this.chips.append(chip);
  }

  sort(places) {
    const [name, way] = this.form.elements.order.value.split("-");
    const column = this.data[name];
    if (!column || name === "file") return;
    const sign = way === "down" ? -1 : 1;
    places.sort((a, b) => {
      const [x, y] = [column[a], column[b]];
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      return sign * (x - y) || a - b;
    });
  }

  fill(line, place) {
    const { data } = this;
    const [kind, words] = outcomeOf(data, place);
    const cells = [
      [counted(this.rowNumber(place)), ""],
      [words, kind],
      [told(data.value[place]), "num"],
      [counted(data.chars[place]), "num slim"],
      [data.tasks[data.task[place]], "slim"],
      ["…", ""],
    ];
    cells.forEach(([text, name], i) => {
      const cell = made("span", text, { role: "gridcell", "aria-colindex": i + 1 });
      if (name) cell.className = name;
      line.append(cell);
    });
    const preview = line.lastElementChild;
    preview.dir = "auto";
    // what scrolls past is not unpacked
    setTimeout(async () => {
      if (!line.isConnected) return;
      const row = await this.texts.row(place);
      preview.textContent = row.completion.slice(0, 200).replace(/\s+/g, " ");
    }, 60);
  }
}

async function start() {
  const data = await unpacked("columns");
  const browser = new Browser(data, new Texts(await unpacked("starts")));
  await browser.apply();
  document.documentElement.dataset.ready = "true";
  performance.mark("rows-ready");
}

start().catch((error) => {
  const why = "DecompressionStream" in window ? error : "it has no DecompressionStream";
  document.getElementById("told").textContent = `This browser cannot show the rows: ${why}`;
});
