/** `flipnet/estimators`: what estimators are made of, for one of your own. */

export { computeLaw, forkPass, shown } from "../network/pass.ts";
export { independentPasses } from "./independent.ts";
export { downstream } from "./resampling.ts";
export { prepareSignals } from "./signals.ts";
export { prepareSinglePass } from "./single-pass.ts";
