/** What a run has learned, as the last checkpoint has it: parameters alone, as float32, with the settings beside. */
import { encode, type Tensor } from "flipnet/internal/formats/safetensors";
import { checkpointOf, type Exporter, placeOf } from "./exporter.ts";

/** What a checkpoint has beside the parameters, by how the names of its tensors begin. */
const state = ["optimizer.", "estimator.", "training."];

export const safetensorsExporter: Exporter = {
  several: false,
  options: ["withOptimizer"],
  mark: '"runId":',
  async files([run], request) {
    const { tensors, about } = await checkpointOf(run);
    const left = request.withOptimizer ? state.filter((prefix) => prefix !== "optimizer.") : state;
    const wanted = Object.entries(tensors).filter(
      ([name]) => !left.some((prefix) => name.startsWith(prefix)),
    );
    const content = encode(
      Object.fromEntries(wanted.map(([name, tensor]) => [name, float32(tensor)])),
      about,
    );
    return [{ path: placeOf(request, "parameters.safetensors"), content }];
  },
};

const float32 = ({ shape, data }: Tensor): Tensor => ({ dtype: "F32", shape, data: Float32Array.from(data) });
