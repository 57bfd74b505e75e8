module
public meta import Lean
/-! The trusted side: decides whether declarations, given as data, prove a reference statement.

It never elaborates, parses or runs anything of a submission. It reads tables of names, levels and
expressions, builds terms of them, and has the kernel check every declaration from the imported
environment up, without options. Then it compares.

Request: `{id, reference, target, allow, imports, heartbeats, decls}`. Reply: `{id, reference, accepted,
reasons, axioms, ms}`; `reference` says what is wrong with the reference itself, or is null. With no
`decls` only the reference is looked at. `reasons` are `[code, name, detail]`.

Only explicit recursion and monomorphic library calls: a Lean without `.ir` files must run this.
-/
open Lean Elab

public meta section
namespace Assay

@[noinline] def ap1 {α β : Type} (f : α → β) (a : α) : β := f a
@[noinline] def ap3 {α β γ δ : Type} (f : α → β → γ → δ) (a : α) (b : β) (c : γ) : δ := f a b c

def rev {α : Type} (l acc : List α) : List α := match l with
  | [] => acc
  | a :: l => rev l (a :: acc)
def count {α : Type} (l : List α) (n : Nat) : Nat := match l with
  | [] => n
  | _ :: l => count l (n + 1)
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
def list (j : Json) (k : String) : List Json := match j.getObjVal? k with
  | .ok (.arr a) => a.toList
  | _ => []
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
def used (ci : ConstantInfo) : List Name := ci.getUsedConstantsAsSet.toList

/-! ## Reading: every entry is built of earlier ones, so nothing here recurses over terms -/

/-- How an expression was written, and whether a projection is in it. -/
structure Node where
  kind : Nat
  a : Nat
  b : Nat
  c : Nat
  projects : Bool

structure Tables where
  names : Array Name := #[.anonymous]
  levels : Array Level := #[.zero]
  exprs : Array Expr := #[]
  nodes : Array Node := #[]
  bad : Option String := none

def wrong (t : Tables) (why : String) : Tables := { t with bad := some why }
def num (j : Json) : Option Nat := match j.getNat? with
  | .ok n => some n
  | _ => none

def nameAt (t : Tables) (j : Json) : Option Name := match num j with
  | some i => if i < t.names.size then some (t.names.getD i .anonymous) else none
  | none => none
def levelAt (t : Tables) (j : Json) : Option Level := match num j with
  | some i => if i < t.levels.size then some (t.levels.getD i .zero) else none
  | none => none
def exprAt (t : Tables) (j : Json) : Option Expr := match num j with
  | some i => if i < t.exprs.size then some (t.exprs.getD i (.bvar 0)) else none
  | none => none

def readName (t : Tables) (row : List Json) : Option Name := match row with
  | [p, .str s] => match nameAt t p with
    | some p => some (.str p s)
    | none => none
  | [p, n] => match nameAt t p, num n with
    | some p, some n => some (.num p n)
    | _, _ => none
  | _ => none

def readLevel (t : Tables) (row : List Json) : Option Level := match row with
  | [k, a] => match num k with
    | some 0 => match levelAt t a with
      | some a => some (.succ a)
      | none => none
    | some 3 => match nameAt t a with
      | some n => some (.param n)
      | none => none
    | _ => none
  | [k, a, b] => match num k, levelAt t a, levelAt t b with
    | some 1, some a, some b => some (.max a b)
    | some 2, some a, some b => some (.imax a b)
    | _, _, _ => none
  | _ => none

def levelsAt (t : Tables) (l : List Json) (acc : List Level) : Option (List Level) := match l with
  | [] => some (rev acc [])
  | j :: l => match levelAt t j with
    | some v => levelsAt t l (v :: acc)
    | none => none
def namesAt (t : Tables) (l : List Json) (acc : List Name) : Option (List Name) := match l with
  | [] => some (rev acc [])
  | j :: l => match nameAt t j with
    | some v => namesAt t l (v :: acc)
    | none => none

def readExpr (t : Tables) (kind : Nat) (row : List Json) : Option Expr := match kind, row with
  | 0, [n] => match num n with
    | some n => some (.bvar n)
    | none => none
  | 1, [l] => match levelAt t l with
    | some l => some (.sort l)
    | none => none
  | 2, n :: ls => match nameAt t n, levelsAt t ls [] with
    | some n, some ls => some (.const n ls)
    | _, _ => none
  | 3, [f, a] => match exprAt t f, exprAt t a with
    | some f, some a => some (.app f a)
    | _, _ => none
  | 4, [d, b] => match exprAt t d, exprAt t b with
    | some d, some b => some (.lam `x d b .default)
    | _, _ => none
  | 5, [d, b] => match exprAt t d, exprAt t b with
    | some d, some b => some (.forallE `x d b .default)
    | _, _ => none
  | 6, [d, v, b] => match exprAt t d, exprAt t v, exprAt t b with
    | some d, some v, some b => some (.letE `x d v b false)
    | _, _, _ => none
  | 7, [n] => match num n with
    | some n => some (.lit (.natVal n))
    | none => none
  | 8, [.str s] => some (.lit (.strVal s))
  | 9, [n, k, e] => match nameAt t n, num k, exprAt t e with
    | some n, some k, some e => some (.proj n k e)
    | _, _, _ => none
  | _, _ => none

partial def readNames (l : List Json) (t : Tables) : Tables := match l with
  | [] => t
  | .arr r :: l => match readName t r.toList with
    | some n => readNames l { t with names := t.names.push n }
    | none => wrong t "names"
  | _ => wrong t "names"
partial def readLevels (l : List Json) (t : Tables) : Tables := match l with
  | [] => t
  | .arr r :: l => match readLevel t r.toList with
    | some n => readLevels l { t with levels := t.levels.push n }
    | none => wrong t "levels"
  | _ => wrong t "levels"
def projectsAt (t : Tables) (i : Nat) : Bool := match t.nodes[i]? with
  | some n => n.projects
  | none => false

def nodeOf (t : Tables) (kind : Nat) (row : List Json) : Node := match kind, row with
  | 9, [_, _, e] => let i := numOr e; { kind := 9, a := i, b := 0, c := 0, projects := true }
  | 6, [d, v, b] =>
    let i := numOr d; let j := numOr v; let k := numOr b
    { kind := 6, a := i, b := j, c := k, projects := projectsAt t i || projectsAt t j || projectsAt t k }
  | 3, [d, b] => two 3 d b
  | 4, [d, b] => two 4 d b
  | 5, [d, b] => two 5 d b
  | k, _ => { kind := k, a := 0, b := 0, c := 0, projects := false }
where
  numOr (j : Json) : Nat := match num j with
    | some n => n
    | none => 0
  two (k : Nat) (d b : Json) : Node :=
    let i := numOr d; let j := numOr b
    { kind := k, a := i, b := j, c := 0, projects := projectsAt t i || projectsAt t j }

partial def readExprs (l : List Json) (t : Tables) : Tables := match l with
  | [] => t
  | .arr r :: l => match r.toList with
    | k :: row => match num k with
      | some kind => match readExpr t kind row with
        | some e =>
          let node := nodeOf t kind row
          readExprs l { t with exprs := t.exprs.push e, nodes := t.nodes.push node }
        | none => wrong t "exprs"
      | none => wrong t "exprs"
    | _ => wrong t "exprs"
  | _ => wrong t "exprs"

def readTables (j : Json) : Tables :=
  let t := readNames (list j "names") {}
  match t.bad with
  | some _ => t
  | none =>
  let t := readLevels (list j "levels") t
  match t.bad with
  | some _ => t
  | none => readExprs (list j "exprs") t

/-- A declaration and the names it brings. -/
structure Decl where
  decl : Declaration
  name : Name
  names : List Name
  kind : String

def hintOf (j : Json) : ReducibilityHints := match j with
  | .str "abbrev" => .abbrev
  | .str _ => .opaque
  | j => match num j with
    | some n => .regular (UInt32.ofNat n)
    | none => .opaque

partial def readCtors (t : Tables) (l : List Json) (acc : List Constructor) : Option (List Constructor) := match l with
  | [] => some (rev acc [])
  | .arr r :: l => match r.toList with
    | [n, ty] => match nameAt t n, exprAt t ty with
      | some n, some ty => readCtors t l ({ name := n, type := ty } :: acc)
      | _, _ => none
    | _ => none
  | _ => none
partial def readTypes (t : Tables) (l : List Json) (acc : List InductiveType) : Option (List InductiveType) := match l with
  | [] => some (rev acc [])
  | .arr r :: l => match r.toList with
    | [n, ty, .arr cs] => match nameAt t n, exprAt t ty, readCtors t cs.toList [] with
      | some n, some ty, some cs => readTypes t l ({ name := n, type := ty, ctors := cs } :: acc)
      | _, _, _ => none
    | _ => none
  | _ => none
def ctorNames (l : List Constructor) (acc : List Name) : List Name := match l with
  | [] => acc
  | c :: l => ctorNames l (c.name :: acc)
def typeNames (l : List InductiveType) (acc : List Name) : List Name := match l with
  | [] => acc
  | i :: l => typeNames l (ctorNames i.ctors (i.name :: acc))

def readDecl (t : Tables) (row : List Json) : Option Decl := match row with
  | [.str "inductive", .arr ls, p, .arr ts] => match namesAt t ls.toList [], num p, readTypes t ts.toList [] with
    | some ls, some p, some (i :: is) =>
      some { decl := .inductDecl ls p (i :: is) false, name := i.name, names := typeNames (i :: is) [], kind := "inductive" }
    | _, _, _ => none
  | .str kind :: n :: .arr ls :: ty :: more => match nameAt t n, namesAt t ls.toList [], exprAt t ty with
    | some n, some ls, some ty =>
      let c : ConstantVal := { name := n, levelParams := ls, type := ty }
      match kind, more with
      | "thm", [v] => match exprAt t v with
        | some v => some { decl := .thmDecl { c with value := v, all := [n] }, name := n, names := [n], kind := kind }
        | none => none
      | "def", [v, h] => match exprAt t v with
        | some v => some { decl := .defnDecl { c with value := v, hints := hintOf h, safety := .safe, all := [n] }, name := n, names := [n], kind := kind }
        | none => none
      | "opaque", [v] => match exprAt t v with
        | some v => some { decl := .opaqueDecl { c with value := v, isUnsafe := false, all := [n] }, name := n, names := [n], kind := kind }
        | none => none
      | "axiom", [] => some { decl := .axiomDecl { c with isUnsafe := false }, name := n, names := [n], kind := kind }
      | _, _ => none
    | _, _, _ => none
  | _ => none

/-! ## Terms without what means nothing -/

/-- No metadata, names and kinds of binders as in what was read. For references only: those are ours,
and small. -/
partial def plain (e : Expr) : Expr := match e with
  | .mdata _ e => plain e
  | .app f a => .app (plain f) (plain a)
  | .lam _ t b _ => .lam `x (plain t) (plain b) .default
  | .forallE _ t b _ => .forallE `x (plain t) (plain b) .default
  | .letE _ t v b _ => .letE `x (plain t) (plain v) (plain b) false
  | .proj n k e => .proj n k (plain e)
  | e => e

def params (l : List Name) (acc : List Level) : List Level := match l with
  | [] => rev acc []
  | n :: l => params l (.param n :: acc)

/-- The same type, whatever its universes are called. -/
def sameType (a b : ConstantVal) : Bool :=
  count a.levelParams 0 == count b.levelParams 0 &&
    plain (a.type.instantiateLevelParams a.levelParams (params b.levelParams [])) == plain b.type
def sameValue (a : ConstantVal) (va : Expr) (b : ConstantVal) (vb : Expr) : Bool :=
  plain (va.instantiateLevelParams a.levelParams (params b.levelParams [])) == plain vb

/-! ## Axioms -/

/-- Stands for the axioms of a library theorem whose proof this Lean was not given: at most the three
usual ones, and nobody can say which. -/
def unseen : Name := .num (.num .anonymous 0) 0

/-- A theorem or definition whose body a library did not export looks like an axiom. -/
def isAxiom (env : Environment) (n : Name) : Bool :=
  if isImported env n then match getOriginalConstKind? env n with
    | some .axiom => true
    | some _ => false
    | none => true
  else true

mutual
partial def axiomsOf (env : Environment) (c : Name) (s : NameSet × List Name) : NameSet × List Name :=
  if sHas s.1 c then s else
  match env.toKernelEnv.find? c with
  | none => (sIns s.1 c, c :: s.2)
  | some (.axiomInfo _) => (sIns s.1 c, if isAxiom env c then c :: s.2 else unseen :: s.2)
  | some ci => axiomsOfL env (used ci) (sIns s.1 c, s.2)
partial def axiomsOfL (env : Environment) (cs : List Name) (s : NameSet × List Name) : NameSet × List Name :=
  match cs with
  | [] => s
  | c :: cs => axiomsOfL env cs (axiomsOf env c s)
end

/-! ## The reference -/

structure Reference where
  env : Environment
  names : NameSet := {}
  wrong : Option String := none

def elabText (env : Environment) (text : String) (heartbeats : Nat) : IO Command.State := do
  let opts : Options := KVMap.setBool (KVMap.setNat {} `maxHeartbeats heartbeats) `Elab.async false
  let opts := KVMap.setBool opts `autoImplicit false
  let ictx : Parser.InputContext :=
    { inputString := text, fileName := "s", fileMap := ap1 FileMap.ofString text, endPos := text.rawEndPos, endPos_valid := by simp }
  let cs := Command.mkState env {} opts
  let cs := match cs.scopes with
    | sc :: scs => { cs with scopes := { sc with isNoncomputable := true } :: scs }
    | [] => cs
  let st ← IO.processCommands ictx {} cs
  return st.commandState

def namesOf (l : List ConstantInfo) (s : NameSet) : NameSet := match l with
  | [] => s
  | c :: l => namesOf l (sIns s c.name)

partial def firstError (l : List Message) : IO (Option String) := do
  match l with
  | [] => return none
  | m :: l => match m.severity with
    | .error => return some (← m.data.toString)
    | _ => firstError l

def msgList (m : MessageLog) : List Message := m.toList

def hasSorry (e : Expr) : Bool := go (e.getUsedConstants.toList)
where go : List Name → Bool
  | [] => false
  | n :: l => n == `sorryAx || go l

def refer (base : Environment) (text : String) (target : Name) (heartbeats : Nat) : IO Reference := do
  let st ← elabText base text heartbeats
  let m ← mkModuleData st.env .private
  let names := namesOf m.constants.toList {}
  let r : Reference := { env := st.env, names := names }
  match ← firstError (msgList st.messages) with
  | some e => return { r with wrong := some ("the statement does not elaborate: " ++ e) }
  | none =>
  if !(sHas names target) then return { r with wrong := some ("the statement declares no " ++ nstr target) } else
  match st.env.toKernelEnv.find? target with
  | none => return { r with wrong := some ("the statement declares no " ++ nstr target) }
  | some ci => match ci with
    | .thmInfo v => return if hasSorry v.type then { r with wrong := some "sorry in the statement itself" } else r
    | _ => return { r with wrong := some (nstr target ++ " is not a theorem") }

/-! ## Judging -/

structure Case where
  base : Environment
  ref : Reference
  target : Name
  kenv : Kernel.Environment
  reasons : List (String × Name × String) := []
  axioms : List Name := []
  visited : NameSet := {}
  proved : Bool := false

def say (c : Case) (code : String) (n : Name) (detail : String) : Case :=
  { c with reasons := (code, n, detail) :: c.reasons }

def kerr : Kernel.Exception → String
  | .unknownConstant _ n => "unknown constant " ++ nstr n
  | .alreadyDeclared _ n => "already declared " ++ nstr n
  | .declTypeMismatch _ _ _ => "the value is not of the declared type"
  | .declHasMVars _ _ _ => "meta variables"
  | .declHasFVars _ _ _ => "free variables"
  | .funExpected _ _ _ => "a function is expected"
  | .typeExpected _ _ _ => "a type is expected"
  | .letTypeMismatch _ _ _ _ _ => "a let of another type"
  | .exprTypeMismatch _ _ _ _ => "a term of another type"
  | .appTypeMismatch _ _ _ _ _ => "an argument of another type"
  | .invalidProj _ _ _ => "an invalid projection"
  | .thmTypeIsNotProp _ _ _ => "a theorem whose type is no proposition"
  | .other s => s
  | .deterministicTimeout => "deterministic timeout"
  | .excessiveMemory => "excessive memory"
  | .deepRecursion => "deep recursion"
  | .interrupted => "interrupted"

/-- A given definition must be there as it was given. -/
def asGiven (c : Case) (d : Decl) : Case := match c.ref.env.toKernelEnv.find? d.name with
  | none => say c "redefined" d.name "not as in the statement"
  | some ci => match d.decl, ci with
    | .defnDecl a, .defnInfo b =>
      if sameType a.toConstantVal b.toConstantVal && sameValue a.toConstantVal a.value b.toConstantVal b.value then c
      else say c "redefined" d.name "another definition"
    | .opaqueDecl a, .opaqueInfo b =>
      if sameType a.toConstantVal b.toConstantVal && sameValue a.toConstantVal a.value b.toConstantVal b.value then c
      else say c "redefined" d.name "another definition"
    | .thmDecl a, .thmInfo b =>
      if sameType a.toConstantVal b.toConstantVal then c else say c "redefined" d.name "another theorem"
    | .axiomDecl a, .axiomInfo b =>
      if sameType a.toConstantVal b.toConstantVal then c else say c "redefined" d.name "another axiom"
    | .inductDecl ls p types false, .inductInfo v =>
      if p == v.numParams && count types 0 == count v.all 0 then inductAsGiven c ls types
      else say c "redefined" d.name "another inductive type"
    | _, _ => say c "redefined" d.name "of another kind"
where
  inductAsGiven (c : Case) (ls : List Name) (types : List InductiveType) : Case := match types with
    | [] => c
    | i :: types => match c.ref.env.toKernelEnv.find? i.name with
      | some (.inductInfo v) =>
        let own : ConstantVal := { name := i.name, levelParams := ls, type := i.type }
        if sameType own v.toConstantVal && count i.ctors 0 == count v.ctors 0 then
          inductAsGiven (ctorsAsGiven c ls i.ctors v.ctors) ls types
        else say c "redefined" i.name "another inductive type"
      | _ => say c "redefined" i.name "not as in the statement"
  ctorsAsGiven (c : Case) (ls : List Name) (cs : List Constructor) (given : List Name) : Case := match cs, given with
    | k :: cs, n :: given => match c.ref.env.toKernelEnv.find? n with
      | some ci =>
        let own : ConstantVal := { name := k.name, levelParams := ls, type := k.type }
        if k.name == n && sameType own ci.toConstantVal then ctorsAsGiven c ls cs given
        else say c "redefined" k.name "another constructor"
      | none => say c "redefined" k.name "another constructor"
    | _, _ => c

/-- The target must be a theorem of exactly the reference's type. -/
def asStated (c : Case) (d : Decl) : Case := match d.decl, c.ref.env.toKernelEnv.find? c.target with
  | .thmDecl a, some (.thmInfo b) =>
    if sameType a.toConstantVal b.toConstantVal then { c with proved := true }
    else say c "statement_changed" d.name "it has another type than the statement"
  | _, _ => say c "not_a_theorem" d.name ("it is declared as " ++ d.kind)

def anyImported (env : Environment) (l : List Name) : Option Name := match l with
  | [] => none
  | n :: l => if isImported env n then some n else anyImported env l
def anyGiven (s : NameSet) (l : List Name) : Bool := match l with
  | [] => false
  | n :: l => sHas s n || anyGiven s l

/-- Axioms that library constants rest on, each constant looked at once for all requests. -/
partial def libraryAxioms (c : Case) (l : List Name) : Case := match l with
  | [] => c
  | n :: l =>
    if isImported c.base n then
      let (v, axs) := axiomsOf c.base n (c.visited, [])
      libraryAxioms { c with visited := v, axioms := add axs c.axioms } l
    else libraryAxioms c l
where add (l acc : List Name) : List Name := match l with
  | [] => acc
  | n :: l => add l (n :: acc)

def usedBy (d : Declaration) : List Name := match d with
  | .thmDecl v => used (.thmInfo v)
  | .defnDecl v => used (.defnInfo v)
  | .opaqueDecl v => used (.opaqueInfo v)
  | .axiomDecl v => used (.axiomInfo v)
  | .inductDecl _ _ types _ => ofTypes types []
  | _ => []
where
  ofTypes (l : List InductiveType) (acc : List Name) : List Name := match l with
    | [] => acc
    | i :: l => ofTypes l (ofCtors i.ctors (put i.type.getUsedConstants.toList acc))
  ofCtors (l : List Constructor) (acc : List Name) : List Name := match l with
    | [] => acc
    | k :: l => ofCtors l (put k.type.getUsedConstants.toList acc)
  put (l acc : List Name) : List Name := match l with
    | [] => acc
    | n :: l => put l (n :: acc)

def one (c : Case) (d : Decl) : Case :=
  match anyImported c.base d.names with
  | some n => say c "redefined" n "a constant of the library"
  | none =>
  let c := if d.name == c.target then asStated c d
    else if anyGiven c.ref.names d.names then asGiven c d else c
  let c := match d.decl with
    | .axiomDecl _ => { c with axioms := d.name :: c.axioms }
    | _ => c
  let c := libraryAxioms c (usedBy d.decl)
  match c.kenv.addDecl {} d.decl with
  | .ok k => { c with kenv := k }
  | .error e => say c "kernel" d.name (kerr e)

/-! Projections: `e.i` must be of the structure it names. Old kernels did not look (lean4#14576), so
it is asked here, of every projection in every value and type. -/

structure Walk where
  tables : Tables
  env : Environment
  fuel : Nat := 20000
  wrong : Option String := none

def under (n : Nat) : FVarId := ⟨.num `x n⟩
def opened (w : Walk) (i : Nat) (xs : Array Expr) : Expr := (w.tables.exprs.getD i (.bvar 0)).instantiateRev xs

/-- The structure that the type of a term names. -/
def structureOf (w : Walk) (lctx : LocalContext) (e : Expr) : Option Name := match Kernel.check w.env lctx e with
  | .error _ => none
  | .ok type => match Kernel.whnf w.env lctx type with
    | .error _ => none
    | .ok type => match type.getAppFn with
      | .const n _ => some n
      | _ => none

partial def walk (i : Nat) (xs : Array Expr) (depth : Nat) (lctx : LocalContext) (w : Walk) : Walk :=
  match w.wrong, w.fuel, w.tables.nodes[i]? with
  | some _, _, _ => w
  | _, 0, _ => { w with wrong := some "too many projections to look at" }
  | _, _, none => w
  | _, fuel + 1, some node =>
    if !node.projects then w else
    let w := { w with fuel := fuel }
    match node.kind with
    | 9 =>
      let w := walk node.a xs depth lctx w
      match w.tables.exprs.getD i (.bvar 0) with
      | .proj n _ _ => match structureOf w lctx (opened w node.a xs) with
        | some m => if m == n then w else { w with wrong := some ("a projection of " ++ nstr n ++ " out of " ++ nstr m) }
        | none => { w with wrong := some ("a projection of " ++ nstr n ++ " that cannot be looked at") }
      | _ => w
    | 3 => walk node.b xs depth lctx (walk node.a xs depth lctx w)
    | 6 =>
      let w := walk node.b xs depth lctx (walk node.a xs depth lctx w)
      let x := under depth
      let lctx := lctx.mkLetDecl x `x (opened w node.a xs) (opened w node.b xs)
      walk node.c (xs.push (.fvar x)) (depth + 1) lctx w
    | _ =>
      let w := walk node.a xs depth lctx w
      let x := under depth
      let lctx := lctx.mkLocalDecl x `x (opened w node.a xs)
      walk node.b (xs.push (.fvar x)) (depth + 1) lctx w

partial def walkAll (l : List Json) (w : Walk) : Walk := match l with
  | [] => w
  | j :: l => match num j with
    | some i => walkAll l (walk i #[] 0 {} w)
    | none => walkAll l w

/-- Places of the terms of a declaration among the expressions. -/
def termsOf (row : List Json) : List Json := match row with
  | [.str "inductive", _, _, .arr ts] => ofTypes ts.toList []
  | .str _ :: _ :: _ :: ty :: v :: _ => [ty, v]
  | .str _ :: _ :: _ :: ty :: _ => [ty]
  | _ => []
where
  ofTypes (l acc : List Json) : List Json := match l with
    | [] => acc
    | .arr r :: l => match r.toList with
      | [_, ty, .arr cs] => ofTypes l (ofCtors cs.toList (ty :: acc))
      | _ => ofTypes l acc
    | _ :: l => ofTypes l acc
  ofCtors (l acc : List Json) : List Json := match l with
    | [] => acc
    | .arr r :: l => match r.toList with
      | [_, ty] => ofCtors l (ty :: acc)
      | _ => ofCtors l acc
    | _ :: l => ofCtors l acc

partial def anyProjects (t : Tables) (l : List Json) : Bool := match l with
  | [] => false
  | j :: l => match num j with
    | some i => projectsAt t i || anyProjects t l
    | none => anyProjects t l

def projections (t : Tables) (row : List Json) (d : Decl) (c : Case) : Case :=
  let terms := termsOf row
  if !(anyProjects t terms) then c else
  match (walkAll terms { tables := t, env := Environment.ofKernelEnv c.kenv }).wrong with
  | some why => say c "projection" d.name why
  | none => c

partial def judge (t : Tables) (l : List Json) (c : Case) : Case := match l with
  | [] => c
  | .arr r :: l => match readDecl t r.toList with
    | some d =>
      let c := one (projections t r.toList d c) d
      match c.reasons with
      | [] => judge t l c
      | _ => c
    | none => say c "malformed" .anonymous "a declaration that cannot be read"
  | _ => say c "malformed" .anonymous "a declaration that cannot be read"

def among (n : Name) : List Name → Bool
  | [] => false
  | a :: l => n == a || among n l
def usual (allow : List Name) : Bool :=
  among `propext allow && among `Classical.choice allow && among `Quot.sound allow
def allowed (n : Name) (allow : List Name) : Bool := if n == unseen then usual allow else among n allow
partial def forbidden (allow axs : List Name) (seen : NameSet) (acc : List Name) : List Name := match axs with
  | [] => acc
  | a :: axs =>
    if sHas seen a then forbidden allow axs seen acc else
    forbidden allow axs (sIns seen a) (if allowed a allow then acc else a :: acc)
partial def distinct (axs : List Name) (seen : NameSet) (acc : List Json) : List Json := match axs with
  | [] => acc
  | a :: axs => if sHas seen a || a == unseen then distinct axs seen acc else distinct axs (sIns seen a) (.str (nstr a) :: acc)

/-- Names as lists of parts, so that no name can pass for another. -/
partial def nameOf (l : List Json) (acc : Name) : Name := match l with
  | [] => acc
  | .str s :: l => nameOf l (.str acc s)
  | j :: l => match num j with
    | some n => nameOf l (.num acc n)
    | none => nameOf l acc
partial def nameList (l : List Json) (acc : List Name) : List Name := match l with
  | [] => rev acc []
  | .arr r :: l => nameList l (nameOf r.toList .anonymous :: acc)
  | _ :: l => nameList l acc

partial def rows (l : List (String × Name × String)) (acc : List Json) : List Json := match l with
  | [] => acc
  | (c, n, d) :: l => rows l (arr [.str c, .str (nstr n), .str d] :: acc)
def blame (l : List Name) (c : Case) : Case := match l with
  | [] => c
  | n :: l =>
    if n == unseen then
      blame l (say c "axiom" .anonymous "it rests on library theorems whose own axioms this Lean cannot tell")
    else blame l (say c (if n == `sorryAx then "sorry" else "axiom") n "an axiom that is not allowed")
def onlyUnseen : List Name → Bool
  | [] => true
  | n :: l => n == unseen && onlyUnseen l

structure Memory where
  key : String
  base : Environment
  refKey : String
  ref : Reference
  visited : NameSet

def check (m : Memory) (j : Json) : IO (Json × Memory) := do
  let t0 ← IO.monoMsNow
  let target := nameOf (list j "target") .anonymous
  let text := str j "reference" ""
  let refKey := nstr target ++ "\n" ++ text
  let m ← if refKey == m.refKey then pure m else do
    let r ← refer m.base text target (nat j "heartbeats" 200000)
    pure { m with refKey := refKey, ref := r }
  let t1 ← IO.monoMsNow
  let id := ("id", Json.str (str j "id" ""))
  match m.ref.wrong with
  | some w => return (obj [id, ("reference", .str w), ("accepted", .bool false), ("reasons", arr []), ("ms", arr [jnat (t1-t0)])], m)
  | none =>
  match j.getObjVal? "decls" with
  | .error _ => return (obj [id, ("reference", .null), ("accepted", .bool false), ("reasons", arr []), ("ms", arr [jnat (t1-t0)])], m)
  | .ok decls => do
    let t := readTables decls
    let t2 ← IO.monoMsNow
    let allow := nameList (list j "allow") []
    -- what was looked at before is known to rest on nothing but the usual axioms
    let visited := if usual allow then m.visited else {}
    let c : Case := { base := m.base, ref := m.ref, target := target, kenv := m.base.toKernelEnv, visited := visited }
    let c := match t.bad with
      | some w => say c "malformed" .anonymous w
      | none => judge t (list decls "decls") c
    let c := match c.reasons with
      | [] => if c.proved then c else say c "target_missing" target "the submission proves no theorem of this name"
      | _ => c
    let c := blame (forbidden allow c.axioms {} []) c
    let t3 ← IO.monoMsNow
    let ok := match c.reasons with
      | [] => true
      | _ => false
    let m := if usual allow && onlyUnseen c.axioms then { m with visited := c.visited } else m
    return (obj [id, ("reference", .null), ("accepted", .bool ok), ("reasons", arr (rows c.reasons [])),
      ("axioms", arr (distinct c.axioms {} [])), ("ms", arr [jnat (t1-t0), jnat (t2-t1), jnat (t3-t2)])], m)

def reply (out : IO.FS.Stream) (j : Json) : IO Unit := do
  out.putStr ("@@" ++ ap1 Json.compress j ++ "\n")
  out.flush

partial def imps (l : List String) : List Import := match l with
  | [] => []
  | s :: l => { module := toName s } :: imps l
def imp (k : String) : IO Environment := do
  importModules (ap1 List.toArray (imps (k.splitOn " "))) {} 1024 #[] true true

partial def loop (inp out : IO.FS.Stream) (m : Memory) : IO Unit := do
  let l ← inp.getLine
  match l with
  | "" => return ()
  | _ =>
  match ap1 Json.parse l with
  | .error e => do
    reply out (obj [("error", .str e)])
    loop inp out m
  | .ok j => do
    let k := str j "imports" "Init"
    let m ← if k == m.key then pure m else do
      let env ← imp k
      pure { key := k, base := env, refKey := "", ref := { env := env }, visited := {} }
    let (r, m) ← try check m j catch e =>
      pure (obj [("id", .str (str j "id" "")), ("error", .str (ap1 IO.Error.toString e))], m)
    reply out r
    loop inp out m

end Assay
open Assay

def main : IO Unit := do
  let out ← IO.getStdout
  let inp ← IO.getStdin
  let e ← mkEmptyEnvironment
  reply out (obj [("ready", .bool true), ("lean", .str Lean.versionString)])
  let m : Memory := { key := "", base := e, refKey := "", ref := { env := e }, visited := {} }
  let t ← IO.asTask (loop inp out m) .dedicated
  match t.get with
  | .ok _ => pure ()
  | .error e => throw e
