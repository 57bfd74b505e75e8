// usage: LEAN_HOSTLIB=<oleans> node [flags] driver.cjs FOLDER [--put FILE]... LEAN-ARGUMENTS...
// FOLDER holds the prepared lean.js and lean.wasm. Nothing of the host is mounted: the .olean files are
// served read-only (patch.py), --put copies a file into the in-memory /mem.
const path = require('path'), fs = require('fs'), vm = require('vm');
const [folder, ...rest] = process.argv.slice(2), puts = [];
while (rest[0] === '--put') { rest.shift(); puts.push(rest.shift()); }
// Blocking reads of one line at a time: touching process.stdin would make the pipe non-blocking, and
// Lean would see an input error.
const buffer = Buffer.alloc(65536);
let at = 0, filled = 0, cut = false;
function stdin() {
  if (cut) { cut = false; return undefined; }
  while (at >= filled) {
    try {
      filled = fs.readSync(0, buffer, 0, buffer.length, null);
      at = 0;
      if (!filled) return null;
    } catch (error) {
      if (error.code === 'EOF') return null;
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  const byte = buffer[at++];
  if (byte === 10) cut = true;
  return byte;
}
globalThis.Module = {
  stdin, arguments: rest, thisProgram: '/bin/lean',
  preRun: [() => {
    ENV.LEAN_PATH = '/lib/lean';
    ENV.LEAN_SYSROOT = '/';
    for (const place of ['/bin', '/lib/lean', '/mem']) FS.mkdirTree(place);
    FS.writeFile('/bin/lean', '');
    for (const file of puts) FS.writeFile('/mem/' + path.basename(file), fs.readFileSync(file));
  }],
};
const file = path.resolve(folder, 'lean.js');
Object.assign(globalThis, { require, module, exports, __filename: file, __dirname: path.dirname(file) });
vm.runInThisContext(fs.readFileSync(file, 'utf8'), { filename: file });
