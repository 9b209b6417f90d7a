/** `flipnet/node`: what a library for Node and browsers leaves out because it reads files. */

export { type ImageSets, loadLabelledImages } from "./data.ts";
