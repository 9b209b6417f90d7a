import { readdirSync, readFileSync } from "node:fs";
import type { Measurement } from "flipnet/internal/training/measure";
import type { EpochRecord } from "flipnet/internal/training/training";
import { describe, expect, it } from "vitest";
import { averageOverSeeds, type Curve, learningCurves, spread } from "../../src/report/figure.ts";
import { FIGURE_WIDTH } from "../../src/report/figure-style.ts";
import { varianceAgainstTime } from "../../src/report/measure-figure.ts";
import { studentT } from "../../src/report/statistics.ts";
import { textWidth } from "../../src/report/text-width.ts";
import { sheetSvg } from "../../src/samples/contact-sheet.ts";
import { characters, fontNames, misplaced, widthIn } from "./texts.ts";

/** A run whose accuracy at each epoch is given. */
const records = (accuracies: number[], logVariance: number | null = -10): EpochRecord[] =>
  accuracies.map((testAccuracy, i) => ({
    type: "epoch",
    epoch: i + 1,
    step: 10 * (i + 1),
    onlineAccuracy: testAccuracy - 0.01,
    testAccuracy,
    gradientVariance: logVariance === null ? null : Math.exp(logVariance),
    logGradientVariance: logVariance,
    msPerStep: 1,
  }));

const twoMethods: Curve[] = [
  { label: "HNCA", records: records([0.5, 0.8], -13) },
  { label: "REINFORCE", records: records([0.2, 0.3]) },
];

/** The texts of an SVG, in order. */
const textsOf = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

/** Whether every element is closed in order: what makes XML well formed, and hand-made XML not. */
function wellFormed(xml: string): boolean {
  const open: string[] = [];
  for (const [, close, name, rest] of xml.matchAll(/<(\/?)([a-zA-Z:]+)((?:"[^"]*"|[^">])*)>/g)) {
    if (close) {
      if (open.pop() !== name) return false;
    } else if (!rest.endsWith("/")) open.push(name);
  }
  return open.length === 0 && !/&(?!#?\w+;)/.test(xml);
}

describe("means over seeds", () => {
  it("have bands of Student's t", () => {
    const seeds = [0.5, 0.6, 0.7].map((last) => ({ label: "HNCA", records: records([0.4, last]) }));
    const points = averageOverSeeds(seeds).filter(({ metric }) => metric === "testAccuracy");
    expect(points).toHaveLength(2);
    expect(points[0]).toMatchObject({ epoch: 1, seeds: 3, method: "HNCA" });
    expect(points[1].value).toBeCloseTo(0.6, 12);
    // The standard deviation of the three is 0.1.
    const halfWidth = (studentT(2) * 0.1) / Math.sqrt(3);
    expect(points[1].high - points[1].value).toBeCloseTo(halfWidth, 10);
    expect(points[1].value - points[1].low).toBeCloseTo(halfWidth, 10);
  });

  it("end where the shortest run ends", () => {
    const points = averageOverSeeds([
      { label: "HNCA", records: records([0.4, 0.5, 0.6]) },
      { label: "HNCA", records: records([0.4]) },
      { label: "REINFORCE", records: records([0.1, 0.2]) },
    ]);
    const epochs = (method: string) =>
      Math.max(...points.filter((point) => point.method === method).map(({ epoch }) => epoch));
    expect(epochs("HNCA")).toBe(1);
    expect(epochs("REINFORCE")).toBe(2);
  });

  it("meet along a metric that each run counts at a pace of its own", () => {
    const run = (...counted: [number, number][]) => ({
      label: "HNCA",
      records: counted.map(([episodes, value], i) => ({
        ...records([0.5], null)[0],
        step: 10 * (i + 1),
        episodes,
        return: value,
      })),
    });
    const points = averageOverSeeds(
      [run([1, 10], [3, 20]), run([2, 30], [2, 30], [5, 50])],
      "range",
      "episodes",
    );
    // The first record that has come to an episode is what is known of it.
    expect(
      points.filter(({ metric }) => metric === "return").map(({ episodes, value }) => [episodes, value]),
    ).toEqual([
      [1, 20],
      [2, 25],
      [3, 35],
    ]);
  });
});

describe("learning curves", () => {
  it("share an axis where their scale is one", async () => {
    const curve = (group: string, scale: string, last: number) => ({
      ...{ label: "HNCA", group, scale },
      records: records([0, 0], null).map((record, i) => ({ ...record, return: i * last })),
    });
    const curves = [curve("a", "pole", 100), curve("b", "pole", 300), curve("c", "hill", -200)];
    const { spec } = await learningCurves(curves, { title: "" });
    const found = JSON.stringify(spec)
      .match(/"domain":\[-?\d+,\d+\]/g)!
      .filter((text) => /00/.test(text));
    expect([...new Set(found)]).toEqual(['"domain":[0,300]', '"domain":[-200,0]']);
  });

  it("are a well-formed SVG with title, names and final values", async () => {
    const { svg } = await learningCurves(twoMethods, { title: "A < B & C", subtitle: "of two methods" });
    expect(wellFormed(svg)).toBe(true);
    expect(svg).toMatch(/^<svg [^>]*role="img"[^>]*><title>A &#60; B &#38; C<\/title>/);
    expect(svg).toContain(`width="${FIGURE_WIDTH}"`);
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining([
        "A &lt; B &amp; C",
        "of two methods",
        "Accuracy",
        "log gradient variance (nats)",
        "HNCA",
        "REINFORCE",
        "80.0 %",
        "30.0 %",
        "−13.00",
        "−10.00",
      ]),
    );
    expect(svg).not.toContain("Student");
  });

  it("carry their data in the spec", async () => {
    const { spec } = await learningCurves(twoMethods, { title: "" });
    const { values } = (spec as { data: { values: object[] } }).data;
    // 2 methods, 3 metrics, 2 epochs.
    expect(values).toHaveLength(12);
    expect(values).toContainEqual({
      group: "",
      column: 0,
      line: 0,
      method: "HNCA",
      metric: "testAccuracy",
      epoch: 2,
      step: 20,
      value: 0.8,
      low: 0.8,
      high: 0.8,
      seeds: 1,
    });
  });

  it("say what their bands are", async () => {
    const seeds = [0.5, 0.6].map((last) => ({ label: "HNCA", records: records([0.4, last]) }));
    const { svg } = await learningCurves(seeds, { title: "" });
    expect(svg).toContain(
      "Lines are means over 2 seeds, bands their 95 % confidence intervals (Student’s t).",
    );
    expect(textsOf(svg)).toContain(`55.0 ± ${((100 * studentT(1) * 0.1) / 2).toFixed(1)} %`);
  });

  it("have a column for each group", async () => {
    const groups = ["1 hidden layer", "2 hidden layers"];
    const curves = groups.flatMap((group) => twoMethods.map((curve) => ({ ...curve, group })));
    const texts = textsOf((await learningCurves(curves, { title: "" })).svg);
    expect(texts).toEqual(expect.arrayContaining(groups));
    // The names stand in the key, once.
    expect(texts.filter((text) => text === "HNCA")).toHaveLength(1);
    expect(texts.filter((text) => text === "80.0 %")).toHaveLength(2);
  });

  it("take names for texts that Vega would take for its own", async () => {
    const names = ["valueOf", "__proto__"];
    const curves = names.map((name) => ({ label: name, group: name, records: records([0.5]) }));
    const texts = textsOf((await learningCurves(curves, { title: "valueOf" })).svg);
    // In the key, and each at the head of its column.
    for (const name of names) expect(texts.filter((text) => text === name).length).toBeGreaterThanOrEqual(2);
    expect(texts.filter((text) => text === "valueOf")).toHaveLength(3);
  });

  it("leave the variance out where there is none", async () => {
    const { svg } = await learningCurves([{ label: "HNCA", records: records([0.5], null) }], { title: "" });
    expect(textsOf(svg)).not.toContain("log gradient variance (nats)");
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("show the bound of an auto-encoder, not its first epochs, and no key for accuracies", async () => {
    const elbos = [-300, -140, -121, -119];
    const curves = ["f-HNCA", "REINFORCE", "REINFORCE leave-one-out", "DisARM"].flatMap((label, method) =>
      ["1 layer", "2 layers"].map((group) => ({
        label: `${label}, a long name`,
        group,
        records: elbos.map((elbo, i) => ({
          ...{ type: "epoch" as const, epoch: i + 1, step: i, msPerStep: 1 },
          ...{ elbo: elbo - method, gradientVariance: 1, logGradientVariance: -8 },
        })),
      })),
    );
    const { svg } = await learningCurves(curves, { title: "" });
    const texts = textsOf(svg);
    expect(texts).toEqual(expect.arrayContaining(["ELBO (nats)", "−119.0", "−122.0", "DisARM, a long name"]));
    expect(texts.join()).not.toContain("accuracy");
    expect(texts).not.toContain("−300");
    expect(wellFormed(svg)).toBe(true);
  });

  it("say that two seeds are two seeds", async () => {
    const seeds = [0.5, 0.6].map((last) => ({ label: "HNCA", records: records([0.4, last]) }));
    const curves = [...seeds, { label: "REINFORCE", records: records([0.1, 0.2]) }];
    const { svg, spec } = await learningCurves(curves, { title: "", bands: "range" });
    expect(svg).toContain("Lines are means over up to 2 seeds, bands how far these lie apart.");
    const { values } = (spec as { data: { values: object[] } }).data;
    expect(values).toContainEqual(
      expect.objectContaining({ method: "HNCA", metric: "testAccuracy", epoch: 2, low: 0.5, high: 0.6 }),
    );
  });

  it("draw no more points than can be seen, the last one among them", async () => {
    const long = Array.from({ length: 10_000 }, (_, i) => i / 10_000);
    const { spec } = await learningCurves([{ label: "HNCA", records: records(long) }], { title: "" });
    const { values } = (spec as unknown as { data: { values: { metric: string; epoch: number }[] } }).data;
    const drawn = values.filter(({ metric }) => metric === "testAccuracy").map(({ epoch }) => epoch);
    expect(drawn).toHaveLength(250);
    expect(drawn.at(-1)).toBe(10_000);
  });

  it("need an epoch", async () => {
    await expect(learningCurves([{ label: "HNCA", records: [] }], { title: "" })).rejects.toThrow("no epoch");
  });
});

describe("labels", () => {
  it("stay where they do not collide", () => {
    expect(spread([0.9, 0.1, 0.5], 0.1, [0, 1])).toEqual([0.9, 0.1, 0.5]);
  });

  it("move apart in order, and not out of the panel", () => {
    const placed = spread([0.99, 1, 0.98], 0.1, [0, 1]);
    expect(placed.map((value) => Number(value.toFixed(12)))).toEqual([0.9, 1, 0.8]);
  });
});

it("no character is wider in a usual font than it is taken to be", () => {
  for (const font of fontNames) {
    for (const character of characters) {
      for (const weight of ["plain", "bold"] as const)
        expect(widthIn(font, character, 100, weight), `${character} in ${font}`).toBeLessThanOrEqual(
          textWidth(character, 100, weight),
        );
    }
  }
});

describe("no text is cut, and none lies on another", () => {
  const elbo = (value: number) =>
    records([0, 0]).map((record) => ({ ...record, testAccuracy: null, onlineAccuracy: null, elbo: value }));
  const accuracy = (value: number) => records([0, value / -1200]);
  const online = (value: number) =>
    [4, 8].map((epoch) => ({
      type: "epoch",
      epoch,
      step: 100_000 * epoch,
      last100: value / -1200,
      msPerStep: 1,
    }));
  const title =
    "Figure 3 of Hindsight Network Credit Assignment: a contextual bandit on MNIST with four methods";
  const labels = ["f-HNCA, no child pruning", "REINFORCE, leave-one-out", "DisARM", "HNCA + baseline"];
  const wide = Array.from({ length: 8 }, (_, i) => `WWW MMM @@@ ${"Wide ".repeat(3 * i)}${i}`);
  const three = ["1 hidden layer", "2 hidden layers", "a softmax layer of forty units with two choices each"];

  it.each([
    ["two methods", [undefined], labels.slice(0, 2), elbo],
    ["one panel", [undefined], labels.slice(0, 2), online],
    ["four methods", [undefined], labels, elbo],
    ["names as wide as there are", [undefined], wide, accuracy],
    ["three columns", three, labels, elbo],
    ["three columns of wide names", three, wide, accuracy],
  ] as const)("%s", async (_, groups, methods, measure) => {
    for (const [seeds, bands] of [
      [1, "interval"],
      [3, "range"],
    ] as const) {
      const curves = groups.flatMap((group) =>
        methods.flatMap((label, i) =>
          Array.from({ length: seeds }, (_, seed) => ({
            label,
            ...(group !== undefined && { group }),
            records: measure(-1134.2 - 3 * i - seed) as EpochRecord[],
          })),
        ),
      );
      const { svg } = await learningCurves(curves, {
        ...{ title, subtitle: `${title}. ${title}.`, bands },
        along: measure === online ? "step" : "epoch",
      });
      for (const font of fontNames) expect(misplaced(svg, font), font).toEqual([]);
    }
  });
});

it("names of measured estimators are not cut either, nor on each other", async () => {
  const estimators = ["f-hnca", "reinforce-loo", "disarm:samples=4", "hnca", "straight-through", "nvil"].map(
    (label, i) => ({
      ...{ label, unbiased: i !== 4, msPerStep: 1 + i / 20, batchVariance: { value: Math.exp(-i / 9) } },
    }),
  );
  const slow = { label: "slow ".repeat(20), unbiased: true, msPerStep: 40, batchVariance: { value: 0.9 } };
  const measurement = { estimators: [...estimators, slow] } as unknown as Measurement;
  const svg = await varianceAgainstTime([{ epoch: 2, measurement }], "A title of many words ".repeat(6));
  for (const font of fontNames) expect(misplaced(svg, font), font).toEqual([]);
  expect(svg).toContain("straight-through (biased)");
});

it.each([
  [1, 58],
  [8, 8],
])("a sheet of images of %d x %d has its labels apart", (height, width) => {
  const row = (label: string) => ({ label, values: new Float32Array(3 * height * width) });
  const svg = sheetSvg({
    ...{ title: "A title that goes on and on ".repeat(5), subtitle: ["what it shows ".repeat(20)] },
    ...{ height, width, columns: 3 },
    sections: [
      { heading: "Samples", note: "of the prior", groups: [[row("layer 1"), row("layer 2")], [row("data")]] },
    ],
  });
  for (const font of fontNames) expect(misplaced(svg, font), font).toEqual([]);
});

it("the figures that are kept are not cut", () => {
  const results = new URL("../../../../results/", import.meta.url);
  const figures = readdirSync(results, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".svg"),
  );
  expect(figures.length).toBeGreaterThan(8);
  for (const name of figures) {
    const svg = readFileSync(new URL(name, results), "utf8");
    for (const font of fontNames) expect(misplaced(svg, font), `${name} in ${font}`).toEqual([]);
  }
});

it("leads a final value that is moved to where it belongs", async () => {
  const close = (label: string, last: number) => ({ label, records: records([0.2, last], null) });
  const apart = await learningCurves([close("a", 0.2), close("b", 0.8)], { title: "" });
  const together = await learningCurves([close("a", 0.8), close("b", 0.801)], { title: "" });
  const leaders = ({ svg }: { svg: string }) => svg.match(/stroke-width="0\.75"/g)?.length ?? 0;
  expect([leaders(apart), leaders(together)]).toEqual([0, 1]);
});

it("leads no final value out of its panel, where a run has not come into what is shown", async () => {
  const elbos = (label: string, values: number[]) => ({
    label,
    records: values.map((elbo, i) => ({
      ...{ type: "epoch" as const, epoch: i + 1, step: i, msPerStep: 1 },
      ...{ elbo, gradientVariance: null, logGradientVariance: null },
    })),
  });
  const whole = [-300, -130, -120, -118];
  const { svg } = await learningCurves([elbos("whole", whole), elbos("begun", [-300])], { title: "" });
  expect(textsOf(svg)).toContain("−300.0");
  expect(svg).not.toContain('stroke-width="0.75"');
});

it("shows low accuracies as large as they can be", async () => {
  const { svg } = await learningCurves([{ label: "HNCA", records: records([0.1, 0.12], null) }], {
    title: "",
  });
  expect(textsOf(svg)).toContain("15 %");
  expect(textsOf(svg)).not.toContain("100 %");
});
