// What a user of the package does, in Node and in a page alike. The numbers that come out are compared bit for bit.
import {
  adam,
  createAgent,
  createBanditTraining,
  createWasmBackend,
  encodeSafetensors,
  hnca,
  labelledImages,
  loadAgent,
  reinforce,
} from "flipnet";

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Whether this host has kernels of that kind. */
export const has = (kernels) =>
  createWasmBackend({ kernels }).then(
    () => true,
    () => false,
  );

/** An agent that learns which of three features is the largest, saved and loaded half-way. */
async function learnOnline(backend) {
  let agent = await createAgent({ inputs: 3, actions: 3, hidden: [16], seed: 1 }, backend);
  let right = 0;
  for (let round = 0; round < 2000; round++) {
    if (round === 1000) agent = await loadAgent(await agent.save(), undefined, backend);
    const context = [0, 1, 2].map((i) => ((round * (i + 5) * 37) % 101) / 50 - 1);
    const best = context.indexOf(Math.max(...context));
    const reward = agent.act(context) === best ? 1 : 0;
    agent.learn(reward);
    if (round >= 1500) right += reward / 500;
  }
  return { accuracy: right, saved: hex(await agent.save()) };
}

/** A few steps on ten images of 8 x 8 pixels. */
async function trainOnImages(backend, estimator, hidden) {
  const images = Uint8Array.from({ length: 640 }, (_, i) => (i * i * 31) % 256);
  const labels = Uint8Array.from({ length: 10 }, (_, i) => i);
  const data = labelledImages({ shape: [10, 8, 8], data: images }, { shape: [10], data: labels });
  const options = {
    estimator,
    optimizer: adam({ learningRate: 0.01 }),
    hidden,
    batchSize: 5,
    seed: 3,
  };
  const training = createBanditTraining(backend, { train: data, test: data }, options);
  for await (const { epoch } of training.run(20)) if (epoch === 20) break;
  return hex(encodeSafetensors(await training.learner.tensors(), {}));
}

/** Everything above on kernels of one kind. Several threads are never ended: no process or page waits for them. */
export async function train(kernels, threads) {
  const backend = await createWasmBackend({ kernels, threads });
  return {
    kernels: backend.features.arithmetic,
    agent: await learnOnline(backend),
    hnca: await trainOnImages(backend, hnca, [20, 20]),
    reinforce: await trainOnImages(backend, reinforce, [20, 20]),
    large: await trainOnImages(backend, hnca, [100, 100]), // large enough for threads to divide
  };
}
