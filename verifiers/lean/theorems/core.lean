-- Theorems of core Lean with a proof of each, by level: 1 one word, 2 one step with a lemma or a
-- choice, 3 a few steps, 4 induction or a case split with work in it, 5 several ideas.

-- level 1
theorem nat_add_zero (n : Nat) : n + 0 = n := by rfl
theorem nat_zero_add (n : Nat) : 0 + n = n := by simp
theorem nat_add_comm (a b : Nat) : a + b = b + a := by omega
theorem nat_add_assoc (a b c : Nat) : (a + b) + c = a + (b + c) := by omega
theorem nat_mul_one (n : Nat) : n * 1 = n := by simp
theorem nat_one_mul (n : Nat) : 1 * n = n := by simp
theorem nat_mul_zero (n : Nat) : n * 0 = 0 := by rfl
theorem nat_two_add_two : 2 + 2 = 4 := by rfl
theorem nat_seven_times_six : 7 * 6 = 42 := by rfl
theorem nat_lt_succ (n : Nat) : n < n + 1 := by omega
theorem nat_le_self (n : Nat) : n ≤ n := by omega
theorem nat_zero_le (n : Nat) : 0 ≤ n := by omega
theorem nat_succ_ne_zero (n : Nat) : n + 1 ≠ 0 := by omega
theorem nat_sub_self (n : Nat) : n - n = 0 := by omega
theorem nat_add_sub (a b : Nat) : a + b - b = a := by omega
theorem nat_lt_irrefl (n : Nat) : ¬ n < n := by omega
theorem nat_le_add (a b : Nat) : a ≤ a + b := by omega
theorem nat_three_lt_five : 3 < 5 := by decide
theorem nat_not_five_lt_three : ¬ 5 < 3 := by decide
theorem nat_ten_mod_three : 10 % 3 = 1 := by rfl
theorem nat_hundred_div_seven : 100 / 7 = 14 := by rfl
theorem nat_three_dvd_twelve : 3 ∣ 12 := by decide
theorem nat_not_four_dvd_ten : ¬ 4 ∣ 10 := by decide
theorem nat_gcd_small : Nat.gcd 12 18 = 6 := by decide
theorem nat_pow_two_ten : 2 ^ 10 = 1024 := by rfl
theorem nat_max_small : max 3 8 = 8 := by rfl
theorem nat_min_small : min 3 8 = 3 := by rfl
theorem bool_not_not (b : Bool) : (!!b) = b := by simp
theorem bool_and_true (b : Bool) : (b && true) = b := by simp
theorem bool_and_false (b : Bool) : (b && false) = false := by simp
theorem bool_or_false (b : Bool) : (b || false) = b := by simp
theorem bool_or_true (b : Bool) : (b || true) = true := by simp
theorem bool_and_self (b : Bool) : (b && b) = b := by simp
theorem bool_or_self (b : Bool) : (b || b) = b := by simp
theorem bool_xor_self (b : Bool) : xor b b = false := by simp
theorem bool_true_ne_false : true ≠ false := by decide
theorem prop_true : True := by trivial
theorem prop_not_false : ¬ False := by trivial
theorem prop_imp_self (p : Prop) : p → p := by simp
theorem prop_eq_refl (α : Type) (a : α) : a = a := by rfl
theorem list_nil_append (α : Type) (l : List α) : [] ++ l = l := by rfl
theorem list_append_nil (α : Type) (l : List α) : l ++ [] = l := by simp
theorem list_length_nil (α : Type) : ([] : List α).length = 0 := by rfl
theorem list_length_cons (α : Type) (a : α) (l : List α) : (a :: l).length = l.length + 1 := by rfl
theorem list_length_three : [1, 2, 3].length = 3 := by rfl
theorem list_reverse_three : [1, 2, 3].reverse = [3, 2, 1] := by rfl
theorem list_append_two : [1] ++ [2] = [1, 2] := by rfl
theorem list_map_nil (f : Nat → Nat) : [].map f = [] := by rfl
theorem list_mem_small : 2 ∈ [1, 2, 3] := by decide
theorem list_not_mem_small : 4 ∉ [1, 2, 3] := by decide
theorem int_add_neg (a : Int) : a + -a = 0 := by omega
theorem int_sub_self (a : Int) : a - a = 0 := by omega
theorem int_neg_neg (a : Int) : - -a = a := by omega
theorem int_add_comm (a b : Int) : a + b = b + a := by omega
theorem prod_eta (p : Nat × Nat) : (p.1, p.2) = p := by rfl
theorem option_some_ne_none (n : Nat) : some n ≠ none := by simp
theorem id_apply (α : Type) (a : α) : id a = a := by rfl
theorem comp_apply (f g : Nat → Nat) (n : Nat) : (f ∘ g) n = f (g n) := by rfl

-- level 2
theorem nat_lt_trans (a b c : Nat) (h : a < b) (k : b < c) : a < c := by omega
theorem nat_le_trans (a b c : Nat) (h : a ≤ b) (k : b ≤ c) : a ≤ c := by omega
theorem nat_le_antisymm (a b : Nat) (h : a ≤ b) (k : b ≤ a) : a = b := by omega
theorem nat_lt_of_lt_of_le (a b c : Nat) (h : a < b) (k : b ≤ c) : a < c := by omega
theorem nat_succ_le_of_lt (a b : Nat) (h : a < b) : a + 1 ≤ b := by exact h
theorem nat_add_left_cancel (a b c : Nat) (h : a + b = a + c) : b = c := by omega
theorem nat_add_lt_add (a b c d : Nat) (h : a < b) (k : c < d) : a + c < b + d := by omega
theorem nat_even_or_odd (n : Nat) : n % 2 = 0 ∨ n % 2 = 1 := by omega
theorem nat_mod_lt (n : Nat) : n % 5 < 5 := by omega
theorem nat_double (n : Nat) : n + n = 2 * n := by omega
theorem nat_sub_add_cancel (a b : Nat) (h : b ≤ a) : a - b + b = a := by omega
theorem nat_pos_of_ne_zero (n : Nat) (h : n ≠ 0) : 0 < n := by omega
theorem nat_le_or_lt (a b : Nat) : a ≤ b ∨ b < a := by omega
theorem nat_trichotomy (a b : Nat) : a < b ∨ a = b ∨ b < a := by omega
theorem nat_mul_comm (a b : Nat) : a * b = b * a := by exact Nat.mul_comm a b
theorem nat_mul_assoc (a b c : Nat) : a * b * c = a * (b * c) := by exact Nat.mul_assoc a b c
theorem nat_left_distrib (a b c : Nat) : a * (b + c) = a * b + a * c := by exact Nat.mul_add a b c
theorem nat_right_distrib (a b c : Nat) : (a + b) * c = a * c + b * c := by exact Nat.add_mul a b c
theorem nat_dvd_refl (n : Nat) : n ∣ n := by exact Nat.dvd_refl n
theorem nat_one_dvd (n : Nat) : 1 ∣ n := by exact Nat.one_dvd n
theorem nat_dvd_mul_right (a b : Nat) : a ∣ a * b := by exact Nat.dvd_mul_right a b
theorem nat_dvd_trans (a b c : Nat) (h : a ∣ b) (k : b ∣ c) : a ∣ c := by exact Nat.dvd_trans h k
theorem nat_dvd_add (a b c : Nat) (h : a ∣ b) (k : a ∣ c) : a ∣ b + c := by exact Nat.dvd_add h k
theorem nat_le_max_left (a b : Nat) : a ≤ max a b := by omega
theorem nat_min_le_left (a b : Nat) : min a b ≤ a := by omega
theorem nat_max_comm (a b : Nat) : max a b = max b a := by omega
theorem nat_min_comm (a b : Nat) : min a b = min b a := by omega
theorem nat_max_self (a : Nat) : max a a = a := by omega
theorem nat_pow_zero (n : Nat) : n ^ 0 = 1 := by exact Nat.pow_zero n
theorem nat_pow_succ (n k : Nat) : n ^ (k + 1) = n ^ k * n := by rfl
theorem nat_one_pow (n : Nat) : 1 ^ n = 1 := by exact Nat.one_pow n
theorem nat_zero_lt_pow (n : Nat) : 0 < 2 ^ n := by exact Nat.two_pow_pos n
theorem nat_mul_pos (a b : Nat) (h : 0 < a) (k : 0 < b) : 0 < a * b := by exact Nat.mul_pos h k
theorem nat_mul_le (a b c : Nat) (h : a ≤ b) : a * c ≤ b * c := by exact Nat.mul_le_mul_right c h
theorem bool_and_comm (a b : Bool) : (a && b) = (b && a) := by cases a <;> simp
theorem bool_or_comm (a b : Bool) : (a || b) = (b || a) := by cases a <;> simp
theorem bool_xor_comm (a b : Bool) : xor a b = xor b a := by cases a <;> cases b <;> rfl
theorem bool_not_and (a b : Bool) : (!(a && b)) = (!a || !b) := by cases a <;> simp
theorem bool_not_or (a b : Bool) : (!(a || b)) = (!a && !b) := by cases a <;> simp
theorem bool_and_assoc (a b c : Bool) : ((a && b) && c) = (a && (b && c)) := by cases a <;> simp
theorem bool_or_assoc (a b c : Bool) : ((a || b) || c) = (a || (b || c)) := by cases a <;> simp
theorem bool_and_or (a b c : Bool) : (a && (b || c)) = ((a && b) || (a && c)) := by cases a <;> simp
theorem bool_or_and (a b c : Bool) : (a || (b && c)) = ((a || b) && (a || c)) := by cases a <;> simp
theorem bool_absorb (a b : Bool) : (a && (a || b)) = a := by cases a <;> simp
theorem prop_and_left (p q : Prop) (h : p ∧ q) : p := by exact h.1
theorem prop_and_right (p q : Prop) (h : p ∧ q) : q := by exact h.2
theorem prop_and_intro (p q : Prop) (h : p) (k : q) : p ∧ q := by exact ⟨h, k⟩
theorem prop_or_left (p q : Prop) (h : p) : p ∨ q := by exact Or.inl h
theorem prop_or_right (p q : Prop) (h : q) : p ∨ q := by exact Or.inr h
theorem prop_modus_ponens (p q : Prop) (h : p) (k : p → q) : q := by exact k h
theorem prop_absurd (p q : Prop) (h : p) (k : ¬ p) : q := by exact absurd h k
theorem prop_not_not_intro (p : Prop) (h : p) : ¬ ¬ p := by exact fun k => k h
theorem prop_const (p q : Prop) : p → q → p := by exact fun h _ => h
theorem prop_false_elim (p : Prop) (h : False) : p := by exact h.elim
theorem prop_iff_refl (p : Prop) : p ↔ p := by exact Iff.rfl
theorem prop_iff_symm (p q : Prop) (h : p ↔ q) : q ↔ p := by exact h.symm
theorem prop_iff_trans (p q r : Prop) (h : p ↔ q) (k : q ↔ r) : p ↔ r := by exact h.trans k
theorem prop_eq_symm (α : Type) (a b : α) (h : a = b) : b = a := by exact h.symm
theorem prop_eq_trans (α : Type) (a b c : α) (h : a = b) (k : b = c) : a = c := by exact h.trans k
theorem prop_congr (f : Nat → Nat) (a b : Nat) (h : a = b) : f a = f b := by rw [h]
theorem prop_em (p : Prop) : p ∨ ¬ p := by exact Classical.em p
theorem prop_not_not (p : Prop) (h : ¬ ¬ p) : p := by exact Classical.byContradiction h
theorem prop_exists_five : ∃ n : Nat, n + 2 = 7 := by exact ⟨5, rfl⟩
theorem prop_exists_bigger (n : Nat) : ∃ m, n < m := by exact ⟨n + 1, Nat.lt_succ_self n⟩
theorem prop_forall_imp (p q : Nat → Prop) (h : ∀ n, p n → q n) (k : ∀ n, p n) : ∀ n, q n := by exact fun n => h n (k n)
theorem list_append_assoc (α : Type) (a b c : List α) : (a ++ b) ++ c = a ++ (b ++ c) := by simp
theorem list_length_append (α : Type) (a b : List α) : (a ++ b).length = a.length + b.length := by simp
theorem list_reverse_reverse (α : Type) (l : List α) : l.reverse.reverse = l := by simp
theorem list_length_reverse (α : Type) (l : List α) : l.reverse.length = l.length := by simp
theorem list_length_map (f : Nat → Nat) (l : List Nat) : (l.map f).length = l.length := by simp
theorem list_map_id (l : List Nat) : l.map id = l := by simp
theorem list_map_append (f : Nat → Nat) (a b : List Nat) : (a ++ b).map f = a.map f ++ b.map f := by simp
theorem list_reverse_append (α : Type) (a b : List α) : (a ++ b).reverse = b.reverse ++ a.reverse := by simp
theorem list_mem_cons_self (α : Type) (a : α) (l : List α) : a ∈ a :: l := by simp
theorem list_mem_append_left (a : Nat) (l m : List Nat) (h : a ∈ l) : a ∈ l ++ m := by simp [h]
theorem list_cons_ne_nil (α : Type) (a : α) (l : List α) : a :: l ≠ [] := by simp
theorem list_head_cons (a : Nat) (l : List Nat) : (a :: l).head? = some a := by rfl
theorem list_map_map (f g : Nat → Nat) (l : List Nat) : (l.map f).map g = l.map (g ∘ f) := by simp
theorem list_replicate_length (n a : Nat) : (List.replicate n a).length = n := by simp
theorem int_sub_eq (a b : Int) : a - b = a + -b := by omega
theorem int_neg_add (a b : Int) : -(a + b) = -a + -b := by omega
theorem int_lt_trans (a b c : Int) (h : a < b) (k : b < c) : a < c := by omega
theorem int_even_or_odd (a : Int) : a % 2 = 0 ∨ a % 2 = 1 := by omega
theorem int_le_total (a b : Int) : a ≤ b ∨ b ≤ a := by omega
theorem option_map_some (f : Nat → Nat) (n : Nat) : (some n).map f = some (f n) := by rfl
theorem option_bind_none (f : Nat → Option Nat) : (none : Option Nat).bind f = none := by rfl
theorem option_some_inj (a b : Nat) (h : some a = some b) : a = b := by simpa using h
theorem prod_ext (a b c d : Nat) (h : a = c) (k : b = d) : (a, b) = (c, d) := by rw [h, k]
theorem ite_true_eq (a b : Nat) : (if True then a else b) = a := by simp
theorem ite_same (p : Prop) [Decidable p] (a : Nat) : (if p then a else a) = a := by simp

-- level 3
theorem prop_and_comm (p q : Prop) : p ∧ q ↔ q ∧ p := by constructor <;> exact fun h => ⟨h.2, h.1⟩
theorem prop_or_comm (p q : Prop) : p ∨ q ↔ q ∨ p := by constructor <;> exact fun h => h.symm
theorem prop_and_assoc (p q r : Prop) : (p ∧ q) ∧ r ↔ p ∧ (q ∧ r) := by
  constructor
  · exact fun h => ⟨h.1.1, h.1.2, h.2⟩
  · exact fun h => ⟨⟨h.1, h.2.1⟩, h.2.2⟩
theorem prop_imp_trans (p q r : Prop) (h : p → q) (k : q → r) : p → r := by
  intro x
  exact k (h x)
theorem prop_contrapositive (p q : Prop) (h : p → q) : ¬ q → ¬ p := by
  intro k x
  exact k (h x)
theorem prop_not_or (p q : Prop) : ¬ (p ∨ q) ↔ ¬ p ∧ ¬ q := by
  constructor
  · intro h
    exact ⟨fun x => h (Or.inl x), fun x => h (Or.inr x)⟩
  · intro h k
    exact k.elim h.1 h.2
theorem prop_or_elim (p q r : Prop) (h : p ∨ q) (k : p → r) (l : q → r) : r := by
  cases h with
  | inl x => exact k x
  | inr x => exact l x
theorem prop_curry (p q r : Prop) : (p ∧ q → r) ↔ (p → q → r) := by
  constructor
  · exact fun h x y => h ⟨x, y⟩
  · exact fun h x => h x.1 x.2
theorem prop_not_iff_self (p : Prop) : ¬ (p ↔ ¬ p) := by
  intro h
  have k : ¬ p := fun x => h.1 x x
  exact k (h.2 k)
theorem prop_exists_or (p q : Nat → Prop) : (∃ n, p n ∨ q n) → (∃ n, p n) ∨ (∃ n, q n) := by
  intro ⟨n, h⟩
  cases h with
  | inl x => exact Or.inl ⟨n, x⟩
  | inr x => exact Or.inr ⟨n, x⟩
theorem prop_forall_and (p q : Nat → Prop) : (∀ n, p n ∧ q n) ↔ (∀ n, p n) ∧ (∀ n, q n) := by
  constructor
  · exact fun h => ⟨fun n => (h n).1, fun n => (h n).2⟩
  · exact fun h n => ⟨h.1 n, h.2 n⟩
theorem prop_not_exists (p : Nat → Prop) : (¬ ∃ n, p n) ↔ ∀ n, ¬ p n := by
  constructor
  · exact fun h n x => h ⟨n, x⟩
  · intro h ⟨n, x⟩
    exact h n x
theorem prop_peirce (p q : Prop) : ((p → q) → p) → p := by
  intro h
  cases Classical.em p with
  | inl x => exact x
  | inr x => exact h (fun y => absurd y x)
theorem prop_not_and (p q : Prop) : ¬ (p ∧ q) ↔ (p → ¬ q) := by
  constructor
  · exact fun h x y => h ⟨x, y⟩
  · exact fun h x => h x.1 x.2
theorem nat_square_add (a b : Nat) : (a + b) * (a + b) = a * a + 2 * (a * b) + b * b := by
  rw [Nat.add_mul, Nat.mul_add, Nat.mul_add, Nat.mul_comm b a]
  omega
theorem nat_mul_left_comm (a b c : Nat) : a * (b * c) = b * (a * c) := by
  rw [← Nat.mul_assoc, Nat.mul_comm a b, Nat.mul_assoc]
theorem nat_even_add_even (a b : Nat) (h : a % 2 = 0) (k : b % 2 = 0) : (a + b) % 2 = 0 := by omega
theorem nat_odd_add_odd (a b : Nat) (h : a % 2 = 1) (k : b % 2 = 1) : (a + b) % 2 = 0 := by omega
theorem nat_dvd_sub (a b c : Nat) (h : a ∣ b) (k : a ∣ c) : a ∣ b - c := by
  exact Nat.dvd_sub h k
theorem nat_exists_even (n : Nat) (h : n % 2 = 0) : ∃ k, n = 2 * k := by
  exact ⟨n / 2, by omega⟩
theorem nat_exists_odd (n : Nat) (h : n % 2 = 1) : ∃ k, n = 2 * k + 1 := by
  exact ⟨n / 2, by omega⟩
theorem nat_lt_of_double_lt (a b : Nat) (h : 2 * a < 2 * b) : a < b := by omega
theorem nat_sub_sub (a b c : Nat) : a - b - c = a - (b + c) := by omega
theorem nat_max_assoc (a b c : Nat) : max (max a b) c = max a (max b c) := by exact Nat.max_assoc a b c
theorem nat_dist_self (a b : Nat) : (a - b) + (b - a) = 0 ↔ a = b := by omega
theorem nat_mul_eq_zero (a b : Nat) (h : a * b = 0) : a = 0 ∨ b = 0 := by
  exact Nat.mul_eq_zero.mp h
theorem nat_square_pos (n : Nat) (h : 0 < n) : 0 < n * n := by exact Nat.mul_pos h h
theorem nat_pow_add (a m n : Nat) : a ^ (m + n) = a ^ m * a ^ n := by exact Nat.pow_add a m n
theorem nat_pow_two (a : Nat) : a ^ 2 = a * a := by
  rw [Nat.pow_succ, Nat.pow_succ, Nat.pow_zero, Nat.one_mul]
theorem nat_le_square (n : Nat) : n ≤ n * n := by
  cases n with
  | zero => decide
  | succ n => exact Nat.le_mul_of_pos_left _ (Nat.succ_pos n)
theorem list_length_append_comm (α : Type) (a b : List α) : (a ++ b).length = (b ++ a).length := by
  simp [Nat.add_comm]
theorem list_mem_reverse (a : Nat) (l : List Nat) : a ∈ l.reverse ↔ a ∈ l := by simp
theorem list_map_reverse (f : Nat → Nat) (l : List Nat) : (l.map f).reverse = l.reverse.map f := by simp
theorem list_append_cancel (a b c : List Nat) (h : a ++ b = a ++ c) : b = c := by
  exact List.append_cancel_left h
theorem list_cons_inj (a b : Nat) (l m : List Nat) (h : a :: l = b :: m) : a = b ∧ l = m := by
  simpa using h
theorem list_eq_nil_of_length (l : List Nat) (h : l.length = 0) : l = [] := by
  exact List.length_eq_zero_iff.mp h
theorem list_ne_nil_of_mem (a : Nat) (l : List Nat) (h : a ∈ l) : l ≠ [] := by
  intro k
  rw [k] at h
  cases h
theorem list_replicate_zero (a : Nat) : List.replicate 0 a = [] := by rfl
theorem int_square_neg (a : Int) : -a * -a = a * a := by exact Int.neg_mul_neg a a
theorem int_abs_cases (a : Int) : a.natAbs = a ∨ a.natAbs = -a := by omega
theorem option_cases (o : Option Nat) : o = none ∨ ∃ n, o = some n := by
  cases o with
  | none => exact Or.inl rfl
  | some n => exact Or.inr ⟨n, rfl⟩
theorem bool_eq_true_or_false (b : Bool) : b = true ∨ b = false := by
  cases b
  · exact Or.inr rfl
  · exact Or.inl rfl
theorem bool_imp_antisymm (a b : Bool) (h : a = true → b = true) (k : b = true → a = true) : a = b := by
  cases a <;> cases b <;> simp_all
theorem fun_comp_assoc (f g h : Nat → Nat) : (f ∘ g) ∘ h = f ∘ (g ∘ h) := by rfl
theorem inj_comp (f g : Nat → Nat) (h : ∀ a b, f a = f b → a = b) (k : ∀ a b, g a = g b → a = b) : ∀ a b, f (g a) = f (g b) → a = b := by
  intro a b e
  exact k a b (h _ _ e)

-- level 4
theorem nat_zero_add_induction (n : Nat) : 0 + n = n := by
  induction n with
  | zero => rfl
  | succ n h => rw [← Nat.add_assoc, h]
theorem nat_lt_two_pow (n : Nat) : n < 2 ^ n := by
  induction n with
  | zero => decide
  | succ n h =>
    rw [Nat.pow_succ]
    omega
theorem nat_two_dvd_product (n : Nat) : 2 ∣ n * (n + 1) := by
  induction n with
  | zero => decide
  | succ n h =>
    have k : (n + 1) * (n + 1 + 1) = n * (n + 1) + 2 * (n + 1) := by
      rw [Nat.mul_comm (n + 1) (n + 1 + 1), ← Nat.add_mul]
    rw [k]
    exact Nat.dvd_add h (Nat.dvd_mul_right 2 (n + 1))
theorem nat_square_mod_two (n : Nat) : n * n % 2 = n % 2 := by
  rw [Nat.mul_mod]
  have h : n % 2 = 0 ∨ n % 2 = 1 := by omega
  cases h with
  | inl h => rw [h]
  | inr h => rw [h]
theorem nat_square_mod_four (n : Nat) : n * n % 4 = 0 ∨ n * n % 4 = 1 := by
  rw [Nat.mul_mod]
  have h : n % 4 = 0 ∨ n % 4 = 1 ∨ n % 4 = 2 ∨ n % 4 = 3 := by omega
  rcases h with h | h | h | h <;> rw [h] <;> decide
theorem nat_le_pow (a n : Nat) (h : 1 ≤ a) : 1 ≤ a ^ n := by
  induction n with
  | zero => exact Nat.le_refl 1
  | succ n k =>
    rw [Nat.pow_succ]
    exact Nat.mul_le_mul k h
theorem nat_strict_mono (f : Nat → Nat) (h : ∀ n, f n < f (n + 1)) (n : Nat) : f 0 + n ≤ f n := by
  induction n with
  | zero => exact Nat.le_refl _
  | succ n k =>
    have l := h n
    omega
theorem nat_add_right_cancel (a b c : Nat) (h : a + c = b + c) : a = b := by
  induction c with
  | zero => exact h
  | succ c k => exact k (Nat.succ.inj h)
theorem list_length_zero_iff (l : List Nat) : l.length = 0 ↔ l = [] := by
  cases l with
  | nil => simp
  | cons a l => simp
theorem list_map_length_induction (f : Nat → Nat) (l : List Nat) : (l.map f).length = l.length := by
  induction l with
  | nil => rfl
  | cons a l h => simp [h]
theorem list_append_nil_induction (l : List Nat) : l ++ [] = l := by
  induction l with
  | nil => rfl
  | cons a l h => rw [List.cons_append, h]
theorem list_mem_append_iff (a : Nat) (l m : List Nat) : a ∈ l ++ m ↔ a ∈ l ∨ a ∈ m := by
  induction l with
  | nil => simp
  | cons b l h => simp [or_assoc]
theorem list_filter_length (p : Nat → Bool) (l : List Nat) : (l.filter p).length ≤ l.length := by
  induction l with
  | nil => exact Nat.le_refl 0
  | cons a l h =>
    simp only [List.filter_cons]
    split
    · simp only [List.length_cons]
      omega
    · simp only [List.length_cons]
      omega
theorem list_foldl_add (l : List Nat) (a : Nat) : l.foldl (· + ·) a = a + l.foldl (· + ·) 0 := by
  induction l generalizing a with
  | nil => rfl
  | cons b l h =>
    simp only [List.foldl_cons]
    rw [h (a + b), h (0 + b)]
    omega
theorem list_sum_append (a b : List Nat) : (a ++ b).foldr (· + ·) 0 = a.foldr (· + ·) 0 + b.foldr (· + ·) 0 := by
  induction a with
  | nil => simp
  | cons x a h =>
    simp only [List.cons_append, List.foldr_cons]
    rw [h]
    omega
theorem list_replicate_append (m n a : Nat) : List.replicate m a ++ List.replicate n a = List.replicate (m + n) a := by
  simp
theorem list_take_drop (n : Nat) (l : List Nat) : l.take n ++ l.drop n = l := by
  exact List.take_append_drop n l
theorem list_all_map (p : Nat → Bool) (f : Nat → Nat) (l : List Nat) : (l.map f).all p = l.all (p ∘ f) := by
  induction l with
  | nil => rfl
  | cons a l h => simp [h]
theorem bool_majority (a b c : Bool) : ((a && b) || (b && c) || (a && c)) = ((a || b) && (b || c) && (a || c)) := by
  cases a <;> cases b <;> cases c <;> rfl
theorem bool_xor_assoc (a b c : Bool) : xor (xor a b) c = xor a (xor b c) := by
  cases a <;> cases b <;> cases c <;> rfl
theorem prop_drinker (p : Nat → Prop) : ∃ n, p n → ∀ m, p m := by
  cases Classical.em (∃ m, ¬ p m) with
  | inl h =>
    obtain ⟨m, k⟩ := h
    exact ⟨m, fun x => absurd x k⟩
  | inr h =>
    refine ⟨0, fun _ m => ?_⟩
    exact Classical.byContradiction (fun k => h ⟨m, k⟩)
theorem prop_not_forall (p : Nat → Prop) : (¬ ∀ n, p n) → ∃ n, ¬ p n := by
  intro h
  apply Classical.byContradiction
  intro k
  exact h (fun n => Classical.byContradiction (fun l => k ⟨n, l⟩))
theorem prop_de_morgan (p q : Prop) : ¬ (p ∧ q) → ¬ p ∨ ¬ q := by
  intro h
  cases Classical.em p with
  | inl x => exact Or.inr (fun y => h ⟨x, y⟩)
  | inr x => exact Or.inl x

-- level 5
theorem nat_infinitely_many_odd (n : Nat) : ∃ m, n < m ∧ m % 2 = 1 := by
  exact ⟨2 * n + 1, by omega⟩
theorem nat_gauss (f : Nat → Nat) (h : f 0 = 0) (k : ∀ n, f (n + 1) = f n + (n + 1)) (n : Nat) : 2 * f n = n * (n + 1) := by
  induction n with
  | zero => rw [h]
  | succ n l =>
    rw [k n, Nat.mul_add, l, ← Nat.add_mul, Nat.mul_comm]
theorem nat_odd_numbers (f : Nat → Nat) (h : f 0 = 0) (k : ∀ n, f (n + 1) = f n + (2 * n + 1)) (n : Nat) : f n = n * n := by
  induction n with
  | zero => exact h
  | succ n l =>
    rw [k n, l, Nat.add_mul, Nat.mul_add]
    omega
theorem nat_powers_of_two (f : Nat → Nat) (h : f 0 = 0) (k : ∀ n, f (n + 1) = f n + 2 ^ n) (n : Nat) : f n + 1 = 2 ^ n := by
  induction n with
  | zero => rw [h]
  | succ n l =>
    rw [k n, Nat.pow_succ]
    omega
theorem nat_mono (f : Nat → Nat) (h : ∀ n, f n ≤ f (n + 1)) (a b : Nat) (k : a ≤ b) : f a ≤ f b := by
  induction b with
  | zero =>
    have l : a = 0 := by omega
    rw [l]
    exact Nat.le_refl _
  | succ b l =>
    cases Nat.lt_or_ge a (b + 1) with
    | inl m => exact Nat.le_trans (l (by omega)) (h b)
    | inr m =>
      have e : a = b + 1 := by omega
      rw [e]
      exact Nat.le_refl _
theorem nat_three_dvd_cube_sub (n : Nat) : n * n * n % 3 = n % 3 := by
  have h : n % 3 = 0 ∨ n % 3 = 1 ∨ n % 3 = 2 := by omega
  rw [Nat.mul_mod, Nat.mul_mod n n]
  rcases h with h | h | h <;> rw [h]
theorem nat_strong (p : Nat → Prop) (h : ∀ n, (∀ m, m < n → p m) → p n) (n : Nat) : p n := by
  have k : ∀ n m, m < n → p m := by
    intro n
    induction n with
    | zero =>
      intro m l
      exact absurd l (Nat.not_lt_zero m)
    | succ n l =>
      intro m e
      exact h m (fun i j => l i (by omega))
  exact k (n + 1) n (Nat.lt_succ_self n)
theorem list_reverse_involution (l : List Nat) (r : List Nat → List Nat) (h : r [] = []) (k : ∀ a l, r (a :: l) = r l ++ [a]) : r l = l.reverse := by
  induction l with
  | nil => exact h
  | cons a l m => rw [k, m, List.reverse_cons]
theorem list_map_inj (f : Nat → Nat) (h : ∀ a b, f a = f b → a = b) (l m : List Nat) (k : l.map f = m.map f) : l = m := by
  induction l generalizing m with
  | nil =>
    cases m with
    | nil => rfl
    | cons b m => simp at k
  | cons a l e =>
    cases m with
    | nil => simp at k
    | cons b m =>
      simp only [List.map_cons, List.cons.injEq] at k
      rw [h a b k.1, e m k.2]
theorem prop_cantor (f : Nat → Nat → Prop) : ∃ p : Nat → Prop, ∀ n, f n ≠ p := by
  refine ⟨fun n => ¬ f n n, fun n h => ?_⟩
  have k : f n n = ¬ f n n := congrFun h n
  have l : ¬ f n n := by
    intro x
    exact (k ▸ x) x
  exact l (k ▸ l)
theorem prop_barber (s : Nat → Nat → Prop) (b : Nat) : ¬ ∀ n, s b n ↔ ¬ s n n := by
  intro h
  have k := h b
  have l : ¬ s b b := fun x => k.1 x x
  exact l (k.2 l)
