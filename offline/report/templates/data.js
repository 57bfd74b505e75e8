// The page's data: JSON, deflated, as base64 in elements that no browser runs. Everything in it is
// text of strangers: it enters the page by textContent and in no other way.

// The script starts once the numbers are there; the texts stand behind it, and come meanwhile.
const allParsed =
  document.readyState === "loading"
    ? new Promise((go) => document.addEventListener("DOMContentLoaded", go, { once: true }))
    : Promise.resolve();

function bytesOf(element) {
  const text = element.textContent;
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

async function unpacked(id) {
  const packed = new Blob([bytesOf(document.getElementById(id))]).stream();
  const opened = packed.pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(opened).text());
}

// Texts of the rows, a chunk at a time; the chunks looked at last are kept unpacked.
class Texts {
  constructor(starts) {
    this.starts = starts;
    this.kept = new Map();
  }

  chunkOf(place) {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  chunk(index) {
    const known = this.kept.get(index);
    if (known) {
      this.kept.delete(index);
      this.kept.set(index, known);
      return known;
    }
    const found = allParsed.then(() => unpacked(`chunk${index}`));
    this.kept.set(index, found);
    if (this.kept.size > 12) this.kept.delete(this.kept.keys().next().value);
    return found;
  }

  // {id, prompt, completion, truth, said: [{source, reason, extracted, more, version, confidence}]}
  async row(place) {
    const index = this.chunkOf(place);
    const { t, r } = await this.chunk(index);
    const [id, prompt, completion, truth, said] = r[place - this.starts[index]];
    return {
      id,
      prompt: t[prompt],
      completion: t[completion],
      truth: t[truth],
      said: said.map(([source, reason, extracted, more, version, confidence]) => ({
        source,
        reason: t[reason],
        extracted: t[extracted],
        more: t[more],
        version: t[version],
        confidence,
      })),
    };
  }
}

// An element with text in it: the only way that this page makes one.
function made(tag, text, attributes) {
  const element = document.createElement(tag);
  if (text !== undefined && text !== null) element.textContent = text;
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  return element;
}

const whole = new Intl.NumberFormat("en");
const counted = (n) => whole.format(n);
function told(number) {
  if (number === null || number === undefined) return "–";
  return Number.isInteger(number) ? counted(number) : String(Number(number.toPrecision(4)));
}
