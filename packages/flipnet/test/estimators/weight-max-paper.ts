/**
 * The update rules of the Weight Maximization paper in plain float64 loops, written from its equations and from nothing
 * else of this project: {-1,+1} units, one example, weights [layer][input][unit].
 */
export type PaperRule = "reinforce" | "direct-gradient" | "classification";

export interface Example {
  /** H^0 to H^L, each -1 or +1 (the input any number). */
  h: number[][];
  reward: number;
}

export interface Update {
  weights: number[][];
  bias: number[];
}

export const sigma = (x: number): number => 1 / (1 + Math.exp(-x));

/** S = H W + c of layer `l`, from 0. */
export const potentials = (weights: number[][], bias: number[], below: number[]): number[] =>
  bias.map((c, j) => below.reduce((sum, x, i) => sum + x * weights[i][j], c));

/** Equations 13, 15 and one of 16, 20 (with the slope of E[H], D-46) and 21 (with E[H^l], D-47): Delta W and Delta c. */
export function paperUpdate(
  weights: number[][][],
  bias: number[][],
  { h, reward }: Example,
  rule: PaperRule,
): Update[] {
  const L = weights.length;
  const updates: Update[] = [];
  for (let l = L - 1; l >= 0; l--) {
    const [below, own] = [h[l], h[l + 1]];
    const s = potentials(weights[l], bias[l], below);
    const mean = s.map((x) => 2 * sigma(x) - 1);
    const delta = own.map((H, i) => {
      if (l === L - 1) return reward * (H - mean[i]); // (13)
      let R = 0; // (15)
      for (const [j, dW] of updates[l + 1].weights[i].entries()) R += 2 * dW * weights[l + 1][i][j];
      if (rule === "reinforce") return R * (H - mean[i]); // (16)
      if (rule === "direct-gradient") return 2 * R * H * 2 * sigma(s[i]) * (1 - sigma(s[i])); // (20)
      return Math.abs(R) * (Math.sign(R) * H - mean[i]); // (21)
    });
    updates[l] = { weights: below.map((x) => delta.map((d) => x * d)), bias: delta };
  }
  return updates;
}
