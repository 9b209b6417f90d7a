/**
 * 1 where the action is the label, else `wrong`. `actions` [B, A] one-hot, or [B, 1] the bit of a Bernoulli output;
 * `labels`, `out` [B]. A label that is no action is never right.
 */
export function rewardByLabel(actions: usize, labels: usize, out: usize, B: i32, A: i32, wrong: f32): void {
  for (let b = 0; b < B; b++) {
    const label = load<f32>(labels);
    let right: bool;
    if (A == 1) right = load<f32>(actions) == label;
    else right = label >= 0 && label < <f32>A && load<f32>(actions + ((<usize>label) << 2)) == 1;
    store<f32>(out, right ? 1 : wrong);
    actions += (<usize>A) << 2;
    labels += 4;
    out += 4;
  }
}
