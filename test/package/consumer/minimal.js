export { createAgent } from "flipnet";
