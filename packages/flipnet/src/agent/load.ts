/** Agents from what they saved. In a file of its own: who only makes agents need not load all estimators. */
import type { ImmediateBackend } from "../backend/backend.ts";
import { createEstimator } from "../estimators/registry.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";
import { Agent } from "./agent.ts";
import { SequentialAgent } from "./sequential.ts";

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
  return Agent.load(backend, bytes, optimizer, createEstimator);
}

/** The same of a sequential agent: it goes on in the middle of its episode. */
export async function loadSequentialAgent(
  bytes: Uint8Array,
  optimizer?: OptimizerFactory,
  backend?: ImmediateBackend,
): Promise<SequentialAgent> {
  return SequentialAgent.load(backend, bytes, optimizer, createEstimator);
}
