// One row opened: its texts, what every source said of it, and the way to its neighbours.

class Details {
  constructor(dialog, data, texts, rowNumber) {
    this.dialog = dialog;
    this.title = dialog.querySelector("h2");
    this.body = dialog.querySelector(".detail");
    this.data = data;
    this.texts = texts;
    this.rowNumber = rowNumber;
    this.turn = 0;
  }

  async open(place) {
    this.turn += 1;
    const turn = this.turn;
    const row = await this.texts.row(place);
    if (turn !== this.turn) return; // another row was asked for meanwhile
    const outcome = outcomeOf(this.data, place)[1];
    this.title.textContent = `Row ${counted(this.rowNumber(place))}: ${outcome}`;
    this.body.replaceChildren(...this.parts(place, row));
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
    this.title.focus();
  }

  parts(place, row) {
    const extracted = [...new Set(row.said.map((one) => one.extracted).filter(Boolean))];
    const texts = [
      ["Prompt", row.prompt],
      ["Completion", row.completion],
      ["Extracted answer", extracted.join("\n")],
      ["Ground truth", row.truth],
    ];
    const found = [made("p", this.facts(place, row), { class: "soft" })];
    for (const [name, text] of texts) {
      if (text === "" && name !== "Completion") continue;
      found.push(made("h3", name));
      const shown = text === "" ? made("p", "(empty)", { class: "soft" }) : made("pre", text);
      shown.dir = "auto";
      if (text !== "") {
        shown.tabIndex = 0; // it scrolls, so the keyboard must reach it
        shown.setAttribute("role", "region");
        shown.setAttribute("aria-label", name);
      }
      found.push(shown);
    }
    found.push(made("h3", "Verdicts"), this.verdicts(place, row));
    return found.concat(this.evidence(row));
  }

  facts(place, row) {
    const { data } = this;
    const task = data.tasks[data.task[place]];
    return [
      `reward ${told(data.value[place])}`,
      `status ${data.statuses[data.status[place]]}`,
      data.label && data.label[place] !== null ? `label ${told(data.label[place])}` : "",
      task ? `task ${task}` : "",
      `${counted(data.chars[place])} characters`,
      data.truncated[place] ? "cut off at its length limit" : "",
      data.seconds && data.seconds[place] !== null ? `${told(data.seconds[place])} s` : "",
      `id ${row.id}`,
    ]
      .filter(Boolean)
      .join(" · ");
  }

  verdicts(place, row) {
    const table = made("table");
    const head = table.createTHead().insertRow();
    for (const name of ["source", "status", "score", "yes or no", "confidence", "reason"]) {
      head.append(made("th", name, { scope: "col" }));
    }
    const body = table.createTBody();
    for (const one of row.said) {
      const source = this.data.sources[one.source];
      const yes = ["no", "yes", "–"][source.yes[place]];
      const line = body.insertRow();
      const cells = [
        source.name,
        this.data.statuses[source.status[place]],
        told(source.score[place]),
        yes,
        told(one.confidence),
        one.reason,
      ];
      for (const text of cells) line.append(made("td", text, { dir: "auto" }));
    }
    return table;
  }

  evidence(row) {
    return row.said
      .filter((one) => one.more)
      .map((one) => {
        const part = made("details");
        const version = one.version ? `, version ${one.version}` : "";
        part.append(made("summary", `Evidence of ${this.data.sources[one.source].name}${version}`));
        part.append(made("pre", one.more, { dir: "auto" }));
        return part;
      });
  }
}
