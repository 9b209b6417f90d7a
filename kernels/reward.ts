/**
 * 1 where the action is the label, else 0. `actions` [B, A] one-hot, or [B, 1] the bit of a Bernoulli output;
 * `labels`, `out` [B]. A label that is no action is never right.
 */
export function rewardByLabel(actions: usize, labels: usize, out: usize, B: i32, A: i32): void {
  for (let b = 0; b < B; b++) {
    const label = load<f32>(labels);
    if (A == 1) store<f32>(out, <f32>(load<f32>(actions) == label));
    else store<f32>(out, label >= 0 && label < <f32>A ? load<f32>(actions + ((<usize>label) << 2)) : 0);
    actions += (<usize>A) << 2;
    labels += 4;
    out += 4;
  }
}
