import { type Agent, createAgent, createWasmBackend, estimators, InputError } from "flipnet";
import { forkPass } from "flipnet/estimators";
import { loadLabelledImages } from "flipnet/node";

const agent: Agent = await createAgent({ inputs: 2, actions: 3, hidden: [8] });
const action: number = agent.act([0.5, -1]);
agent.learn(action === 1 ? 1 : 0);
const saved: Uint8Array = await agent.save();
const names: string[] = estimators.map(({ name }) => name);
const { train } = await loadLabelledImages();
const pixels: number = train.pixels;

/** For hosts that compile nothing themselves. */
export const backendOf = (module: object) => createWasmBackend({ module });

export { forkPass, InputError, names, pixels, saved };

// @ts-expect-error: an agent needs to know its number of inputs
await createAgent({ actions: 2 });
