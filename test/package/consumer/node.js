import { has, train } from "./toy.js";

const [, , kernels, threads] = process.argv;
console.log(JSON.stringify((await has(kernels)) ? await train(kernels, Number(threads)) : null));
