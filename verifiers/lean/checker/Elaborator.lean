module
public meta import Lean
/-! The untrusted side: elaborates a submission and hands its declarations over as data.

One JSON request a line on standard input, one line `@@{json}` on standard output. What is said here
is never a verdict: the referee, a process of its own, decides on the declarations alone.

Request: `{id, text, target, imports, heartbeats, steps, lenient}`; `lenient` skips the policy, to see
what Lean alone says. Reply: `{id, found, decls, messages, steps,
denied, ms}`. `decls` is the closure of the target over what the text added, in an order in which a
kernel can take it (see `Export`).

Only explicit recursion and monomorphic library calls: a Lean without `.ir` files must run this.
-/
open Lean Elab

public meta section
namespace Assay

/-! ## Small things -/

@[noinline] def ap1 {α β : Type} (f : α → β) (a : α) : β := f a
@[noinline] def ap3 {α β γ δ : Type} (f : α → β → γ → δ) (a : α) (b : β) (c : γ) : δ := f a b c

def rev {α : Type} (l acc : List α) : List α := match l with
  | [] => acc
  | a :: l => rev l (a :: acc)
def count {α : Type} (l : List α) (n : Nat) : Nat := match l with
  | [] => n
  | _ :: l => count l (n + 1)
def cat {α : Type} (l r : List α) : List α := match l with
  | [] => r
  | a :: l => a :: cat l r
def arr (l : List Json) : Json := .arr (ap1 List.toArray l)
def jnat (n : Nat) : Json := .num (ap1 JsonNumber.fromNat n)
def obj (l : List (String × Json)) : Json := ap1 Json.mkObj l
def str (j : Json) (k d : String) : String := match j.getObjVal? k with
  | .ok (.str s) => s
  | _ => d
def nat (j : Json) (k : String) (d : Nat) : Nat := match j.getObjVal? k with
  | .ok v => match v.getNat? with
    | .ok n => n
    | _ => d
  | _ => d
def flag (j : Json) (k : String) : Bool := match j.getObjVal? k with
  | .ok (.bool b) => b
  | _ => false
def toName (s : String) : Name := ap1 String.toName s
def nstr : Name → String
  | .anonymous => ""
  | .str .anonymous s => s
  | .str p s => nstr p ++ "." ++ s
  | .num p n => nstr p ++ "." ++ Nat.repr n
def sIns (s : NameSet) (n : Name) : NameSet := s.insert n
def sHas (s : NameSet) (n : Name) : Bool := s.contains n
def isImported (env : Environment) (n : Name) : Bool := match env.getModuleIdxFor? n with
  | some _ => true
  | none => false

/-! ## Hash tables from values to numbers, as tries over bits of a hash -/

inductive Trie (α : Type) where
  | empty
  | leaf (h : UInt64) (items : List (α × Nat))
  | node (zero one : Trie α)

variable {α : Type} [BEq α]

def look (a : α) : List (α × Nat) → Option Nat
  | [] => none
  | (b, n) :: l => if a == b then some n else look a l

partial def Trie.find (t : Trie α) (h rest : UInt64) (a : α) : Option Nat := match t with
  | .empty => none
  | .leaf h2 items => if h == h2 then look a items else none
  | .node zero one => if rest &&& 1 == 0 then zero.find h (rest >>> 1) a else one.find h (rest >>> 1) a

partial def Trie.insert (t : Trie α) (h rest : UInt64) (depth : Nat) (a : α) (n : Nat) : Trie α :=
  match t with
  | .empty => .leaf h [(a, n)]
  | .leaf h2 items =>
    if h == h2 then .leaf h ((a, n) :: items)
    else -- two hashes in one place: go down by one bit
      let old := h2 >>> (UInt64.ofNat depth)
      let split := if old &&& 1 == 0 then Trie.node (.leaf h2 items) .empty
        else Trie.node .empty (.leaf h2 items)
      split.insert h rest depth a n
  | .node zero one =>
    if rest &&& 1 == 0 then .node (zero.insert h (rest >>> 1) (depth + 1) a n) one
    else .node zero (one.insert h (rest >>> 1) (depth + 1) a n)

/-! ## Declarations as data

Tables of names, levels and expressions, each entry built of earlier ones, then declarations. Names
of binders, kinds of binders and metadata mean nothing to a kernel and are left out. There is no
entry for free or meta variables. -/

structure Export where
  names : Trie Name := .empty
  nameRows : List Json := []
  nameCount : Nat := 1  -- 0: anonymous
  levels : Trie Level := .empty
  levelRows : List Json := []
  levelCount : Nat := 1  -- 0: zero
  exprs : Trie Expr := .empty
  exprRows : List Json := []
  exprCount : Nat := 0
  decls : List Json := []
  seen : NameSet := {}
  bad : Option String := none

def fail (x : Export) (why : String) : Export := { x with bad := some why }

partial def nameOf (n : Name) (x : Export) : Nat × Export := match n with
  | .anonymous => (0, x)
  | _ =>
  match x.names.find n.hash n.hash n with
  | some i => (i, x)
  | none =>
    let (row, x) := match n with
      | .str p s => let (i, x) := nameOf p x; (arr [jnat i, .str s], x)
      | .num p k => let (i, x) := nameOf p x; (arr [jnat i, jnat k], x)
      | .anonymous => (Json.null, x)
    let i := x.nameCount
    (i, { x with names := x.names.insert n.hash n.hash 0 n i, nameRows := row :: x.nameRows, nameCount := i + 1 })

partial def levelOf (l : Level) (x : Export) : Nat × Export := match l with
  | .zero => (0, x)
  | _ =>
  match x.levels.find l.hash l.hash l with
  | some i => (i, x)
  | none =>
    let (row, x) := match l with
      | .zero => (Json.null, x)
      | .succ a => let (i, x) := levelOf a x; (arr [jnat 0, jnat i], x)
      | .max a b => let (i, x) := levelOf a x; let (j, x) := levelOf b x; (arr [jnat 1, jnat i, jnat j], x)
      | .imax a b => let (i, x) := levelOf a x; let (j, x) := levelOf b x; (arr [jnat 2, jnat i, jnat j], x)
      | .param n => let (i, x) := nameOf n x; (arr [jnat 3, jnat i], x)
      | .mvar _ => (Json.null, fail x "a level that is not known")
    let i := x.levelCount
    (i, { x with levels := x.levels.insert l.hash l.hash 0 l i, levelRows := row :: x.levelRows, levelCount := i + 1 })

partial def levelsOf (ls : List Level) (x : Export) (acc : List Json) : List Json × Export := match ls with
  | [] => (rev acc [], x)
  | l :: ls => let (i, x) := levelOf l x; levelsOf ls x (jnat i :: acc)

partial def exprOf (e : Expr) (x : Export) : Nat × Export := match e with
  | .mdata _ e => exprOf e x
  | _ =>
  match x.exprs.find e.hash e.hash e with
  | some i => (i, x)
  | none =>
    let (row, x) := match e with
      | .bvar n => (arr [jnat 0, jnat n], x)
      | .sort l => let (i, x) := levelOf l x; (arr [jnat 1, jnat i], x)
      | .const n ls => let (i, x) := nameOf n x; let (js, x) := levelsOf ls x []; (arr (jnat 2 :: jnat i :: js), x)
      | .app f a => let (i, x) := exprOf f x; let (j, x) := exprOf a x; (arr [jnat 3, jnat i, jnat j], x)
      | .lam _ t b _ => let (i, x) := exprOf t x; let (j, x) := exprOf b x; (arr [jnat 4, jnat i, jnat j], x)
      | .forallE _ t b _ => let (i, x) := exprOf t x; let (j, x) := exprOf b x; (arr [jnat 5, jnat i, jnat j], x)
      | .letE _ t v b _ =>
        let (i, x) := exprOf t x; let (j, x) := exprOf v x; let (k, x) := exprOf b x
        (arr [jnat 6, jnat i, jnat j, jnat k], x)
      | .lit (.natVal n) => (arr [jnat 7, jnat n], x)
      | .lit (.strVal s) => (arr [jnat 8, .str s], x)
      | .proj n k e => let (i, x) := nameOf n x; let (j, x) := exprOf e x; (arr [jnat 9, jnat i, jnat k, jnat j], x)
      | .mdata _ _ => (Json.null, x)
      | .fvar _ => (Json.null, fail x "a free variable")
      | .mvar _ => (Json.null, fail x "a term that is not known")
    let i := x.exprCount
    (i, { x with exprs := x.exprs.insert e.hash e.hash 0 e i, exprRows := row :: x.exprRows, exprCount := i + 1 })

partial def namesOf (ns : List Name) (x : Export) (acc : List Json) : List Json × Export := match ns with
  | [] => (rev acc [], x)
  | n :: ns => let (i, x) := nameOf n x; namesOf ns x (jnat i :: acc)

def used (ci : ConstantInfo) : List Name := ci.getUsedConstantsAsSet.toList

def hint : ReducibilityHints → Json
  | .opaque => .str "opaque"
  | .abbrev => .str "abbrev"
  | .regular n => jnat n.toNat

def row (kind : String) (c : ConstantVal) (value : Option Expr) (more : List Json) (x : Export) : Export :=
  let (n, x) := nameOf c.name x
  let (ls, x) := namesOf c.levelParams x []
  let (t, x) := exprOf c.type x
  let (v, x) := match value with
    | some v => let (i, x) := exprOf v x; ([jnat i], x)
    | none => ([], x)
  { x with decls := arr (.str kind :: jnat n :: arr ls :: jnat t :: cat v more) :: x.decls }

mutual
partial def add (env : Environment) (n : Name) (x : Export) : Export := match x.bad with
  | some _ => x
  | none =>
  if sHas x.seen n || isImported env n then x else
  match env.toKernelEnv.find? n with
  | none => fail x ("no constant " ++ nstr n)
  | some ci => match ci with
    | .inductInfo v => block env v x
    | .ctorInfo v => add env v.induct { x with seen := sIns x.seen n }
    | .recInfo v => addAll env v.all { x with seen := sIns x.seen n }
    | .quotInfo _ => x
    | _ =>
      if ci.isUnsafe || ci.isPartial then fail x (nstr n ++ " is unsafe or partial") else
      let x := addAll env (used ci) { x with seen := sIns x.seen n }
      match ci with
      | .thmInfo v => row "thm" v.toConstantVal (some v.value) [] x
      | .defnInfo v => row "def" v.toConstantVal (some v.value) [hint v.hints] x
      | .opaqueInfo v => row "opaque" v.toConstantVal (some v.value) [] x
      | _ => row "axiom" ci.toConstantVal none [] x

partial def addAll (env : Environment) (ns : List Name) (x : Export) : Export := match ns with
  | [] => x
  | n :: ns => addAll env ns (add env n x)

/-- A whole block of inductive types: types, parameters, constructors. Its recursors are the
kernel's to make. -/
partial def block (env : Environment) (v : InductiveVal) (x : Export) : Export :=
  let x := mark v.all x
  let x := needs env v.all x
  let (ls, x) := namesOf v.levelParams x []
  let (types, x) := typesOf env v.all x []
  { x with decls := arr [.str "inductive", arr ls, jnat v.numParams, arr types] :: x.decls }

partial def mark (ns : List Name) (x : Export) : Export := match ns with
  | [] => x
  | n :: ns => mark ns { x with seen := sIns x.seen n }

partial def needs (env : Environment) (ns : List Name) (x : Export) : Export := match ns with
  | [] => x
  | n :: ns => match env.toKernelEnv.find? n with
    | some (.inductInfo v) =>
      if v.isUnsafe then fail x (nstr n ++ " is unsafe") else
      let x := mark v.ctors x
      let x := addAll env (v.type.getUsedConstants.toList) x
      needs env ns (ctorNeeds env v.ctors x)
    | _ => needs env ns x

partial def ctorNeeds (env : Environment) (ns : List Name) (x : Export) : Export := match ns with
  | [] => x
  | n :: ns => match env.toKernelEnv.find? n with
    | some ci => ctorNeeds env ns (addAll env (ci.type.getUsedConstants.toList) x)
    | none => fail x ("no constant " ++ nstr n)

partial def typesOf (env : Environment) (ns : List Name) (x : Export) (acc : List Json) : List Json × Export :=
  match ns with
  | [] => (rev acc [], x)
  | n :: ns => match env.toKernelEnv.find? n with
    | some (.inductInfo v) =>
      let (i, x) := nameOf n x
      let (t, x) := exprOf v.type x
      let (cs, x) := ctorsOf env v.ctors x []
      typesOf env ns x (arr [jnat i, jnat t, arr cs] :: acc)
    | _ => typesOf env ns x acc

partial def ctorsOf (env : Environment) (ns : List Name) (x : Export) (acc : List Json) : List Json × Export :=
  match ns with
  | [] => (rev acc [], x)
  | n :: ns => match env.toKernelEnv.find? n with
    | some ci =>
      let (i, x) := nameOf n x
      let (t, x) := exprOf ci.type x
      ctorsOf env ns x (arr [jnat i, jnat t] :: acc)
    | none => ctorsOf env ns x acc
end

def shown (x : Export) : Json := obj [
  ("names", arr (rev x.nameRows [])), ("levels", arr (rev x.levelRows [])),
  ("exprs", arr (rev x.exprRows [])), ("decls", arr (rev x.decls []))]

/-! ## What a submission may not do

Kinds of syntax that run programs while the text is elaborated. Not a wall (the referee is): it
keeps the elaborator's processes alive, and crafted terms away from old kernels. -/

def deniedKinds : List Name := [
  `Lean.Parser.Command.eval, `Lean.Parser.Command.evalBang, `Lean.Parser.Command.elab,
  `Lean.Parser.Command.elab_rules, `Lean.Parser.Command.initialize, `Lean.Parser.Command.import,
  `Lean.Parser.Command.exit, `Lean.runCmd, `Lean.runElab, `Lean.runMeta,
  `Lean.Parser.Command.run_cmd, `Lean.Parser.Command.runCmd, `Lean.Parser.Tactic.runTac,
  `Lean.Parser.Term.byElab, `Lean.byElab, `Lean.Parser.Command.unsafe, `Lean.Parser.Term.unsafe,
  `Lean.Parser.Command.declareConfigElab, `Lean.Parser.Command.registerBuiltinOption]
def deniedAttributes : List Name := [`implemented_by, `extern, `csimp, `export, `init, `builtin_init,
  `command_elab, `term_elab, `tactic, `macro, `app_unexpander, `simproc, `norm_num, `command_parser]

def denied (k : Name) : List Name → Bool
  | [] => false
  | d :: ds => k == d || denied k ds

def firstAtom : List Syntax → Option String
  | [] => none
  | .atom _ s :: _ => some s
  | _ :: l => firstAtom l

/-- `set_option debug.skipKernelTC true` and kin. -/
partial def optionName : List Syntax → Option Name
  | [] => none
  | .ident _ _ n _ :: _ => some n
  | .node _ _ args :: l => match optionName args.toList with
    | some n => some n
    | none => optionName l
  | _ :: l => optionName l

def isSetOption (k : Name) : Bool :=
  k == `Lean.Parser.Command.set_option || k == `Lean.Parser.Term.set_option || k == `Lean.Parser.Tactic.set_option

mutual
partial def policy (s : Syntax) : Option String := match s with
  | .node _ k args =>
    if denied k deniedKinds then some (nstr k) else
    if isSetOption k then match optionName args.toList with
      | some n => if nstr n.getRoot == "debug" || nstr n.getRoot == "compiler" then some ("set_option " ++ nstr n)
        else policyL args.toList
      | none => policyL args.toList
    else if k == `Lean.Parser.Attr.simple || k == `Lean.Parser.Attr.extern || k == `Lean.Parser.Attr.export then
      match optionName args.toList with
      | some n => if denied n deniedAttributes then some ("attribute " ++ nstr n) else policyL args.toList
      | none => match firstAtom args.toList with
        | some "extern" => some "attribute extern"
        | some "export" => some "attribute export"
        | _ => policyL args.toList
    else policyL args.toList
  | _ => none
partial def policyL (l : List Syntax) : Option String := match l with
  | [] => none
  | s :: l => match policy s with
    | some why => some why
    | none => policyL l
end

/-! ## Steps of tactic proofs -/

def jpos (fm : FileMap) (p : Option String.Pos.Raw) : Json := match p with
  | some p => let q := fm.toPosition p; arr [jnat q.line, jnat q.column]
  | none => .null
def isSeq (k : Name) : Bool :=
  k == `Lean.Parser.Tactic.tacticSeq1Indented || k == `Lean.Parser.Tactic.tacticSeqBracketed

/-- What a tactic did: goals before and after, and whether they differ. -/
structure Did where
  first : String.Pos.Raw
  last : String.Pos.Raw
  before : Nat
  after : Nat
  changed : Bool

def same : List MVarId → List MVarId → Bool
  | [], [] => true
  | a :: l, b :: r => a.name == b.name && same l r
  | _, _ => false

mutual
partial def didsOf (t : InfoTree) (acc : List Did) : List Did := match t with
  | .context _ t => didsOf t acc
  | .hole _ => acc
  | .node i ts =>
    let acc := match i with
      | .ofTacticInfo i => match i.stx.getPos?, i.stx.getTailPos? with
        | some p, some q =>
          Did.mk p q (count i.goalsBefore 0) (count i.goalsAfter 0) (!(same i.goalsBefore i.goalsAfter)) :: acc
        | _, _ => acc
      | _ => acc
    treesOf ts acc
partial def treesOf (ts : PersistentArray InfoTree) (acc : List Did) : List Did :=
  didsOfL ts.tail.toList (didsOfNode ts.root acc)
partial def didsOfNode (n : PersistentArrayNode InfoTree) (acc : List Did) : List Did := match n with
  | .node cs => didsOfNodes cs.toList acc
  | .leaf ts => didsOfL ts.toList acc
partial def didsOfNodes (l : List (PersistentArrayNode InfoTree)) (acc : List Did) : List Did := match l with
  | [] => acc
  | n :: l => didsOfNodes l (didsOfNode n acc)
partial def didsOfL (ts : List InfoTree) (acc : List Did) : List Did := match ts with
  | [] => acc
  | t :: ts => didsOfL ts (didsOf t acc)
end

/-- Of a step, which may have been run several times (`<;>`, `all_goals`): did any run change goals? -/
def outcome (p q : String.Pos.Raw) : List Did → Option Did → Option Did
  | [], found => found
  | d :: l, found =>
    if d.first == p && d.last == q then match found with
      | some f => outcome p q l (some { f with changed := f.changed || d.changed })
      | none => outcome p q l (some d)
    else outcome p q l found

mutual
partial def steps (fm : FileMap) (dids : List Did) (depth : Nat) (s : Syntax) (acc : List Json) : List Json := match s with
  | .node _ k args => stepsL fm dids depth args.toList (isSeq k) acc
  | _ => acc
partial def stepsL (fm : FileMap) (dids : List Did) (depth : Nat) (l : List Syntax) (inSeq : Bool) (acc : List Json) : List Json :=
  match l with
  | [] => acc
  | s :: l =>
    let acc := if inSeq then (match s with | .node _ `null items => items1 fm dids depth items.toList acc | _ => acc)
      else steps fm dids depth s acc
    stepsL fm dids depth l inSeq acc
partial def items1 (fm : FileMap) (dids : List Did) (depth : Nat) (l : List Syntax) (acc : List Json) : List Json := match l with
  | [] => acc
  | t :: l =>
    let acc := match t with
      | .node _ `null _ => acc
      | .node _ k _ =>
        let did := match t.getPos?, t.getTailPos? with
          | some p, some q => match outcome p q dids none with
            | some d => [jnat d.before, jnat d.after, .bool d.changed]
            | none => []
          | _, _ => []
        arr (jpos fm t.getPos? :: jpos fm t.getTailPos? :: jnat depth :: .str (nstr k) :: did) :: acc
      | _ => acc
    items1 fm dids depth l (steps fm dids (depth + 1) t acc)
end

partial def allSteps (fm : FileMap) (dids : List Did) (cmds : List Syntax) (acc : List Json) : List Json := match cmds with
  | [] => rev acc []
  | c :: cs => allSteps fm dids cs (steps fm dids 0 c acc)

/-! ## Elaboration -/

partial def jmsgs (l : List Message) (acc : List Json) (left : Nat) : IO (List Json) := do
  match l, left with
  | [], _ => return rev acc []
  | _, 0 => return rev acc []
  | m :: l, k + 1 =>
    let d ← m.data.toString
    let sev := match m.severity with | .error => "error" | .warning => "warning" | .information => "info"
    let tail := match m.endPos with
      | some p => arr [jnat p.line, jnat p.column]
      | none => .null
    jmsgs l (arr [.str sev, arr [jnat m.pos.line, jnat m.pos.column], tail, .str d] :: acc) k

structure Done where
  state : Command.State
  commands : List Syntax
  denied : Option String

/-- Command by command: each is read, held against the policy, and only then elaborated. -/
partial def go (ictx : Parser.InputContext) (ps : Parser.ModuleParserState) (cs : Command.State)
    (cmds : List Syntax) (lenient : Bool) : IO Done := do
  let scope := match cs.scopes with
    | s :: _ => s
    | [] => { header := "" }
  let pctx : Parser.ParserModuleContext :=
    { env := cs.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
  let (cmd, ps', log) := Parser.parseCommand ictx pctx ps cs.messages
  if Parser.isTerminalCommand cmd && !(cmd.getKind == `Lean.Parser.Command.exit) then
    -- what could not be read on the way to the end is in the log
    return { state := { cs with messages := log }, commands := rev cmds [], denied := none }
  match (if lenient then none else policy cmd) with
  | some why => return { state := cs, commands := rev cmds [], denied := some why }
  | none =>
    let only := if h : ps'.pos ≤ ictx.inputString.rawEndPos then { ictx with endPos := ps'.pos, endPos_valid := h } else ictx
    let st ← IO.processCommands only ps cs
    let cs' := { st.commandState with messages := st.commandState.messages }
    if ps'.pos == ps.pos then return { state := cs', commands := rev (cmd :: cmds) [], denied := none }
    go ictx ps' cs' (cmd :: cmds) lenient

def elabText (env : Environment) (text : String) (heartbeats : Nat) (infos lenient : Bool) : IO Done := do
  let opts : Options := KVMap.setBool (KVMap.setNat {} `maxHeartbeats heartbeats) `Elab.async false
  let ictx : Parser.InputContext :=
    { inputString := text, fileName := "s", fileMap := ap1 FileMap.ofString text, endPos := text.rawEndPos, endPos_valid := by simp }
  let cs := Command.mkState env {} opts
  -- proofs need no code, and compiling needs files that some builds of Lean do not have
  let cs := match cs.scopes with
    | sc :: scs => { cs with scopes := { sc with isNoncomputable := true } :: scs }
    | [] => cs
  go ictx {} { cs with infoState := { enabled := infos } } [] lenient

def msgList (m : MessageLog) : List Message := m.toList

def check (base : Environment) (j : Json) : IO Json := do
  let t0 ← IO.monoMsNow
  let infos := flag j "steps"
  let text := str j "text" ""
  let done ← elabText base text (nat j "heartbeats" 200000) infos (flag j "lenient")
  let t1 ← IO.monoMsNow
  let env := done.state.env
  let target := toName (str j "target" "")
  let found := !isImported env target && (match env.toKernelEnv.find? target with | some _ => true | none => false)
  let x := if found then add env target {} else {}
  let t2 ← IO.monoMsNow
  let msgs ← jmsgs (msgList done.state.messages) [] 50
  let fm := ap1 FileMap.ofString text
  let dids := if infos then treesOf done.state.infoState.trees [] else []
  let st := if infos then allSteps fm dids done.commands [] else []
  let t3 ← IO.monoMsNow
  return obj [("id", .str (str j "id" "")), ("found", .bool found), ("decls", shown x),
    ("cannot", match x.bad with | some w => .str w | none => .null),
    ("denied", match done.denied with | some w => .str w | none => .null),
    ("messages", arr msgs), ("steps", arr st), ("ms", arr [jnat (t1-t0), jnat (t2-t1), jnat (t3-t2)])]

def say (out : IO.FS.Stream) (j : Json) : IO Unit := do
  out.putStr ("@@" ++ ap1 Json.compress j ++ "\n")
  out.flush

partial def imps (l : List String) : List Import := match l with
  | [] => []
  | s :: l => { module := toName s } :: imps l
def imp (k : String) : IO Environment := do
  importModules (ap1 List.toArray (imps (k.splitOn " "))) {} 1024 #[] true true

partial def loop (inp out : IO.FS.Stream) (key : String) (env : Environment) : IO Unit := do
  let l ← inp.getLine
  match l with
  | "" => return ()
  | _ =>
  match ap1 Json.parse l with
  | .error e => do
    say out (obj [("error", .str e)])
    loop inp out key env
  | .ok j => do
    let t0 ← IO.monoMsNow
    let k := str j "imports" "Init"
    let env ← if k == key then pure env else imp k
    let t1 ← IO.monoMsNow
    let r ← try check env j catch e => pure (obj [("id", .str (str j "id" "")), ("error", .str (ap1 IO.Error.toString e))])
    say out (ap3 Json.setObjVal! r "import_ms" (jnat (t1 - t0)))
    loop inp out k env

end Assay
open Assay

def main : IO Unit := do
  let out ← IO.getStdout
  let inp ← IO.getStdin
  let e ← mkEmptyEnvironment
  say out (obj [("ready", .bool true), ("lean", .str Lean.versionString)])
  -- one dedicated thread for all requests: its stack is large, and a thread for each would cost a second
  let t ← IO.asTask (loop inp out "" e) .dedicated
  match t.get with
  | .ok _ => pure ()
  | .error e => throw e
