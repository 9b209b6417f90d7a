/** `ln(1 + e^l)`, without overflow. */
export const softplus = (l: number): number => Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l)));
