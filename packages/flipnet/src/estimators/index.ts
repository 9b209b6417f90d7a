/** `flipnet/estimators`: what estimators are made of, for one of your own. */

export { computeLaw, forkTrace, shown } from "../network/trace.ts";
export { independentPasses } from "./independent.ts";
export { downstream } from "./resampling.ts";
export { prepareSignals } from "./signals.ts";
export { prepareSinglePass } from "./single-pass.ts";
