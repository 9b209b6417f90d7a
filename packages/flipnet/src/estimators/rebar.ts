/**
 * REBAR (Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein 2017): the objective with relaxed units as a control variate,
 *
 *     g = (f(b) - eta f(s~)) (b - p) + eta df(s)/dl - eta df(s~)/dl,     s = sigmoid(z / t),     z = l - logit(u),
 *
 * `z` the logistic noise that draws the bits, `s~` the same from noise drawn anew given the bits, which moves with `l` as well. Softmax units have
 * Gumbel noise, `s = softmax(z / t)`, `z_k = l_k - log E_k` by exponential times, and given the choice `c`
 *
 *     z~_c = -log E_c,     z~_k = -log(E_k / p_k + E_c).
 *
 * `f` over the components downstream of the layer, deeper layers showing their means given the relaxed one. Of what is left a
 * baseline may be subtracted. `eta`, one number a layer, learns: downhill on the mean of `g^2`.
 *
 * Unbiased, whatever `eta` and the temperature `t` are. Cost: two mean-field passes from every layer on, forward and back; its noise is formed on the
 * host. Differs from the authors: the temperature is set.
 */
import { defineEstimator } from "./estimator.ts";
import { positive } from "./options.ts";
import { prepareRelaxation, relaxationOptions, relaxedObjective } from "./relaxation.ts";

/** `g = (f(b) - eta f(s~)) (b - p) + eta df(s)/dl - eta df(s~)/dl`: Tucker et al. 2017, equation 7. */
export const rebar = defineEstimator({
  name: "rebar",
  title: "REBAR",
  paper: "Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein 2017, equation 7",
  unbiased: true,
  why: "what the relaxed objective subtracts is added as its reparameterised gradient",
  needs: { knows: ["evaluations", "slopes"] },
  baseline: true,
  cost: "forward pass + two mean-field passes from each layer on, forward and back",
  options: { ...relaxationOptions, rate: positive({ default: 1e-3, says: "its learning rate" }) },

  prepare: (problem, { temperature, start, rate }) =>
    prepareRelaxation(problem, temperature, (place) => {
      const name = `estimator.rebar.${place.layer.index}`;
      return [relaxedObjective(place, { name, start, rate })!];
    }),
});
