import { has, train } from "./toy.js";

const [, , kernels] = process.argv;
console.log(JSON.stringify((await has(kernels)) ? await train(kernels) : null));
