/** What a learner publishes of its agent. */
import { decode, encode } from "../formats/safetensors.ts";

/** A saved agent without its decisions: what others need to decide as it does. */
export function withoutDecisions(bytes: Uint8Array): Uint8Array {
  const { tensors, metadata } = decode(bytes, "the agent");
  const { pending: _, ...rest } = tensors;
  return encode(rest, { ...metadata, pending: "[]", closed: "[]" });
}

/** A saved agent whose draws are those of another seed. */
export function withSeed(bytes: Uint8Array, seed: number): Uint8Array {
  const { tensors, metadata } = decode(bytes, "the agent");
  return encode(tensors, { ...metadata, agent: JSON.stringify({ ...JSON.parse(metadata.agent), seed }) });
}
