// Which rows are shown: what the form says, what a table's link says, and what the texts hold.

const YES = 1;
const NO = 0;
const NONE = 2;

// A number as a person types it; null for nothing or nonsense.
function typed(input) {
  const text = input.value.trim().replace(",", ".");
  const number = Number(text);
  return text === "" || Number.isNaN(number) ? null : number;
}

function between(column, low, high, open) {
  return (p) => {
    const x = column[p];
    if (x === null) return false;
    return (low === null || x >= low) && (high === null || (open ? x < high : x <= high));
  };
}

// The tests that the form asks for.
function formTests(form, data) {
  const tests = [];
  const field = (name) => form.elements[name];
  const outcome = field("outcome").value;
  if (outcome === "left") tests.push((p) => data.value[p] === null);
  else if (outcome === "cut") tests.push((p) => data.truncated[p] === 1);
  else if (outcome) tests.push((p) => data.passed[p] === Number(outcome));
  const task = field("task").value;
  if (task !== "") tests.push((p) => data.task[p] === Number(task));
  for (const name of ["value", "chars"]) {
    const low = typed(field(`${name}-from`));
    const high = typed(field(`${name}-to`));
    if (low !== null || high !== null) tests.push(between(data[name], low, high, false));
  }
  const says = field("says").value;
  const source = field("source").value;
  if (says || source !== "") tests.push(saysTest(data, source, says));
  return tests;
}

function saysTest(data, source, says) {
  const asked = source === "" ? data.sources : [data.sources[Number(source)]];
  const apart = (one, p) =>
    one.yes[p] !== NONE &&
    data.sources.some((other) => other.yes[p] !== NONE && other.yes[p] !== one.yes[p]);
  const rules = {
    "": (one, p) => one.status[p] > 0,
    y1: (one, p) => one.yes[p] === YES,
    y0: (one, p) => one.yes[p] === NO,
    apart,
  };
  const rule = rules[says] || ((one, p) => one.status[p] === Number(says.slice(1)));
  return (p) => asked.some((one) => rule(one, p));
}

// Prompts whose judged answers all pass, none, or some: group -> "all", "none", "some".
function solvedKinds(data) {
  const counts = new Map();
  data.group.forEach((group, p) => {
    const found = counts.get(group) || [0, 0, 0];
    found[data.passed[p]] += 1;
    counts.set(group, found);
  });
  const kind = ([no, yes]) => {
    if (no + yes < 2) return "";
    if (!yes) return "none";
    return no ? "some" : "all";
  };
  return new Map([...counts].map(([group, found]) => [group, kind(found)]));
}

// The test of a table's link, and what the chip beside the form says of it.
function linkTest(show, data) {
  const name = (i) => data.sources[i].name;
  const status = (code) => data.statuses[code];
  if ("group" in show) return [(p) => data.group[p] === show.group, "answers to one prompt"];
  if ("task" in show) return [(p) => data.task[p] === show.task, `task ${data.tasks[show.task]}`];
  if ("status" in show) {
    return [(p) => data.status[p] === show.status, `reward: ${status(show.status)}`];
  }
  if ("said" in show) {
    const column = data.sources[show.source].status;
    return [(p) => column[p] === show.said, `${name(show.source)}: ${status(show.said)}`];
  }
  if ("why" in show) {
    const one = data.sources[show.source];
    const code = data.statuses.indexOf(show.why);
    const fits = show.why === "not passed" ? (p) => one.yes[p] === NO : (p) => one.status[p] === code;
    return [fits, `${one.name}: ${show.why}`];
  }
  if ("apart" in show) {
    const [i, a, j, b] = show.apart;
    const [one, two] = [data.sources[i].yes, data.sources[j].yes];
    const words = (x) => (x === YES ? "yes" : "no");
    return [(p) => one[p] === a && two[p] === b, `${name(i)}: ${words(a)}, ${name(j)}: ${words(b)}`];
  }
  if ("against" in show) {
    const { yes } = data.sources[show.source];
    const good = (p) => data.label[p] >= show.against;
    const fits = (p) => data.label[p] !== null && yes[p] !== NONE && (yes[p] === YES) !== good(p);
    return [fits, `${name(show.source)} against the label`];
  }
  if ("solved" in show) {
    const kinds = solvedKinds(data);
    return [(p) => kinds.get(data.group[p]) === show.solved, `prompts of which ${show.solved} pass`];
  }
  const column = "value" in show ? "value" : "chars";
  const [low, high] = show[column];
  const words = column === "value" ? "reward" : "characters";
  const open = column === "value" && !show.closed;
  return [between(data[column], low, high, open), `${words} ${told(low)} to ${told(high)}`];
}

// "two words" 'and "these together"' -> ["two", "words", "and", "these together"], lower case.
function wordsOf(text) {
  const found = text.toLowerCase().match(/"[^"]+"|\S+/g) || [];
  return found.map((word) => word.replace(/^"|"$/g, "")).filter((word) => word !== "");
}

// The places whose texts hold all words. Chunk by chunk; ``alive`` says whether to go on.
async function withText(texts, places, words, alive, progress) {
  const found = [];
  const wanted = new Map();
  for (const p of places) {
    const index = texts.chunkOf(p);
    if (!wanted.has(index)) wanted.set(index, []);
    wanted.get(index).push(p);
  }
  let done = 0;
  await allParsed;
  for (const [index, rows] of wanted) {
    // past the cache: a search would only push out what is in sight
    const { t, r } = await unpacked(`chunk${index}`);
    if (!alive()) return null;
    const lower = t.map((text) => text.toLowerCase());
    for (const p of rows) {
      const [id, prompt, completion, truth, said] = r[p - texts.starts[index]];
      const held = [id.toLowerCase(), lower[prompt], lower[completion], lower[truth]];
      for (const one of said) held.push(lower[one[1]], lower[one[2]]);
      if (words.every((word) => held.some((text) => text.includes(word)))) found.push(p);
    }
    done += rows.length;
    progress(done);
  }
  return found;
}
