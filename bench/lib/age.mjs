/**
 * Gives Adam the moments that it has after 50 epochs: of an input that is active in a share P of the batches, the
 * moments have decayed for a time with the mean 1 / P. This is what makes them denormal where nothing is done about it.
 */
export async function age(learner, { images, pixels, count }) {
  const tensors = await learner.tensors();
  const decayed = Array.from({ length: pixels }, (_, i) => {
    let sum = 0;
    for (let n = 0; n < count; n++) sum += images[n * pixels + i];
    const active = 1 - (1 - sum / 255 / count) ** 50;
    // Between 0 and 1, as even as random numbers.
    const quantile = ((i * 619) % pixels) / pixels;
    return active === 0 ? Infinity : Math.min(60_000, Math.log(1 - quantile) / Math.log(1 - active) || 0);
  });
  for (const [moment, beta] of [
    ["m", 0.9],
    ["v", 0.999],
  ]) {
    const { data } = tensors[`optimizer.${moment}.layers.0.weights`];
    const typical = data.reduce((sum, x) => sum + Math.abs(x), 0) / data.length;
    data.forEach((x, place) => {
      data[place] = (Math.sign(x) || 1) * typical * beta ** decayed[place % pixels];
    });
  }
  learner.restore(tensors);
}
