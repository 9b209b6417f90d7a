/** Agents from what they saved. In a file of its own: who only makes agents need not load all estimators. */
import type { ImmediateBackend } from "../backend/backend.ts";
import { createEstimator } from "../estimators/registry.ts";
import { decode } from "../formats/safetensors.ts";
import { adam } from "../optimizers/adam.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";
import { optimizerIn } from "../training/learner.ts";
import { Agent } from "./agent.ts";
import { checkGenerator, checkShapes } from "./checks.ts";
import { readSaved } from "./saved.ts";
import { SequentialAgent } from "./sequential.ts";
import { specOf } from "./settings.ts";

/**
 * The agent whose `save` gave `bytes`, on the backend that `createAgent` chooses unless another is given; it goes
 * on bit for bit on a backend of the same kind. `optimizer` is the one that it was created with; where that was Adam or SGD it need not be
 * said. Throws `InputError` for bytes that hold no agent, or one that had another optimizer.
 */
export async function loadAgent(
  bytes: Uint8Array | ArrayBuffer,
  optimizer?: OptimizerFactory,
  backend?: ImmediateBackend,
): Promise<Agent> {
  const { tensors, metadata } = decode(bytes, "the agent");
  const saved = readSaved(metadata, createEstimator);
  checkGenerator(metadata);
  const { settings } = saved;
  // Agents from before their files said so had this one unless they were given another.
  const { length } = settings.hidden;
  const same = optimizer ?? optimizerIn(tensors, length + 1, "the agent") ?? adam({ learningRate: 0.01 });
  checkShapes(tensors, specOf(settings));
  return Agent.load(backend, tensors, saved, same);
}

/** The same of a sequential agent: it goes on in the middle of its episode. */
export async function loadSequentialAgent(
  bytes: Uint8Array | ArrayBuffer,
  optimizer?: OptimizerFactory,
  backend?: ImmediateBackend,
): Promise<SequentialAgent> {
  return SequentialAgent.load(backend, bytes, optimizer, createEstimator);
}
