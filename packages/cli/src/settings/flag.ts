/** `learningRate` as `--learning-rate`; where it is to be `off`, `childPruning` as `--no-child-pruning`. */
export const flagOf = (setting: string, off = false): string =>
  `--${off ? "no-" : ""}${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
