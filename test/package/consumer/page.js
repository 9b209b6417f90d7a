import { has, train } from "./toy.js";

globalThis.flipnetPage = { has, train };
