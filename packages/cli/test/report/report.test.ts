import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generator } from "flipnet/internal/random/threefry";
import type { EpochRecord } from "flipnet/internal/training/training";
import { afterAll, describe, expect, it } from "vitest";
import { averageOf, sectionsOf } from "../../src/report/content.ts";
import { toHtml, toMarkdown } from "../../src/report/document.ts";
import { nameRuns } from "../../src/report/methods.ts";
import { metricsOf } from "../../src/report/metrics.ts";
import { type ReportedRun, type ReportOptions, untilEpoch, writeReport } from "../../src/report/report.ts";
import { trainCommand } from "../../src/report/train-command.ts";
import { type StoredRun, summarise, unlabelled } from "../../src/running/run-folder.ts";
import { type Config, parseConfig } from "../../src/settings/config.ts";

const root = mkdtempSync(join(tmpdir(), "flipnet-report-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newFolder = () => mkdtempSync(join(root, "report-"));

let runs = 0;

/** A run that has come to `done` epochs; what it measures rises with them and with the seed. */
function run(
  settings: Record<string, unknown>,
  {
    done = 4,
    environment = {},
    metric = {},
  }: { done?: number; environment?: object; metric?: Record<string, number | null> } = {},
): StoredRun {
  const length = settings.task === "multiplexer" ? {} : { epochs: 4 };
  const config = parseConfig({ kernels: "portable", ...length, ...settings }) as Config;
  const [seed, perEpoch] = [config.seed, "recordEvery" in config ? config.recordEvery : 10];
  const records = Array.from({ length: done }, (_, i): EpochRecord => {
    const value = (i + 1) / 10 + seed / 100;
    const own = {
      bandit: { onlineAccuracy: value - 0.05, testAccuracy: value },
      multiplexer: { onlineReward: value, last100: value },
      vae: { elbo: value - 100 },
    }[config.task];
    return {
      ...{ type: "epoch", epoch: i + 1, step: (i + 1) * perEpoch, msPerStep: 2 },
      ...{ gradientVariance: 1, logGradientVariance: -i, ...own, ...metric },
    };
  });
  const runId = `run-${runs++}`;
  const summary = done === config.epochs ? summarise(runId, runId, records) : undefined;
  const starts = [
    { time: "2026-01-02T03:04:05.000Z", step: 0, version: "1.2.3", node: "v20", platform: "p", cpu: "c" },
  ];
  const made = { runId, dataDigest: "d1", generator, kernels: "portable", starts, ...environment };
  return {
    folder: join(root, runId),
    runId,
    environment: made,
    config,
    records,
    summary,
    labels: unlabelled,
  };
}

const seeds = (count: number, settings: Record<string, unknown>) =>
  Array.from({ length: count }, (_, seed) => run({ ...settings, seed }));

/** `panel | method` of each run, each once. */
const namesOf = (stored: readonly StoredRun[]) => [
  ...new Set(
    nameRuns(stored).map(({ panel, method }) => (panel === undefined ? method : `${panel} | ${method}`)),
  ),
];

describe("names of runs", () => {
  it("tell how methods differ, and in what panels they are", () => {
    const vae = (settings: object) => run({ task: "vae", ...settings });
    const baseline = "running-average";
    const two = { hidden: [200, 200] };
    expect(
      namesOf([
        vae({ estimator: "disarm" }),
        vae({ ...two, baseline, fullReward: true }),
        vae({ ...two, baseline, childPruning: false }),
        vae({ ...two, baseline }),
        vae(two),
        vae({ estimator: "reinforce", baseline }),
        vae({}),
      ]),
    ).toEqual([
      "1 hidden layer | REINFORCE + baseline",
      "1 hidden layer | f-HNCA",
      "2 hidden layers | f-HNCA",
      "2 hidden layers | f-HNCA + baseline",
      "2 hidden layers | f-HNCA + baseline, full reward",
      "2 hidden layers | f-HNCA + baseline, no child pruning",
      "1 hidden layer | DisARM",
    ]);
  });

  it("leave out what decides no learning", () => {
    const same = [
      run({ task: "vae", seed: 0 }),
      run({ task: "vae", seed: 1, evaluateEvery: 2, boundSamples: 3 }),
      run({ task: "vae", seed: 2, epochs: 9, out: "elsewhere", threads: 2 }),
      run({ task: "vae", seed: 3, kernels: "relaxed" }),
    ];
    expect(namesOf(same)).toEqual(["f-HNCA"]);
  });

  it("leave to the panels what is the same throughout each", () => {
    const wm = (settings: object) => run({ task: "multiplexer", steps: 40, recordEvery: 10, ...settings });
    const l2 = [0, 1e-5, 1e-3];
    expect(
      namesOf([
        wm({ k: 4, batchSize: 1 }),
        wm({ k: 5 }),
        wm({ k: 5, l2 }),
        wm({ k: 5, hiddenRule: "direct-gradient" }),
      ]),
    ).toEqual([
      "k = 5 | Weight Maximization, direct gradient",
      "k = 4 | Weight Maximization, REINFORCE",
      "k = 5 | Weight Maximization, REINFORCE",
      "k = 5 | Weight Maximization, REINFORCE, L2 (0, 1e-5, 1e-3)",
    ]);
  });

  it("keep other data apart", () => {
    const other = run({ data: "some/fashion" }, { environment: { dataDigest: "0123456789" } });
    expect(namesOf([run({}), other])).toEqual(["fashion 012345 | HNCA", "MNIST d1 | HNCA"]);
  });

  it("are the same for all seeds of a table, each of which learns from other rows of it", () => {
    const table = (seed: number, data = "a/people.csv") =>
      run({ task: "table-labels", data, target: "paid", seed }, { environment: { dataDigest: `d${seed}` } });
    expect(namesOf([table(0), table(1)])).toEqual(["f-HNCA"]);
    expect(namesOf([table(0), table(1), table(1, "b/people.csv")])).toEqual([
      "a/people.csv | f-HNCA",
      "b/people.csv | f-HNCA",
    ]);
  });
});

it("a baseline that an estimator has no use for, as once was possible, makes no method, and is said", async () => {
  const asked = (seed: number): StoredRun => {
    const one = run({ task: "vae", estimator: "disarm", seed });
    return { ...one, config: { ...one.config, baseline: "running-average", baselineDecay: 0.99 } };
  };
  const stored = [...seeds(2, { task: "vae", estimator: "disarm" }), asked(1), asked(2)];
  expect(namesOf(stored)).toEqual(["DisARM"]);
  const { page } = await writeReport(newFolder(), nameRuns(stored), { title: "Baselines" });
  const said = "2 of 4 runs were asked for a baseline that their estimator has no use for";
  expect(readFileSync(page, "utf8").split(said)).toHaveLength(2);
});

describe("means of a report", () => {
  const named = (stored: readonly StoredRun[]): ReportedRun[] =>
    stored.map((one) => ({ ...one, method: "HNCA" }));
  const only = (stored: readonly ReportedRun[]) => {
    const [{ groups }] = sectionsOf(stored);
    expect(groups).toHaveLength(1);
    return groups[0];
  };
  const accuracy = metricsOf("bandit").find(({ name }) => name === "testAccuracy")!;

  it("are of the finished runs", () => {
    const group = only(
      named([...seeds(2, {}), run({ seed: 2 }, { done: 3 }), run({ seed: 3 }, { done: 0 })]),
    );
    expect(group).toMatchObject({ reached: 4, asked: 4 });
    expect(group.shown.map(({ config }) => config.seed)).toEqual([0, 1]);
    expect(group.unfinished.map(({ config }) => config.seed)).toEqual([2, 3]);
    expect(averageOf(group, accuracy, "interval")).toMatchObject({
      mean: expect.closeTo(0.405, 12),
      count: 2,
    });
  });

  it("are of what all have while none is finished", () => {
    const group = only(
      named([run({}, { done: 3 }), run({ seed: 1 }, { done: 2 }), run({ seed: 2 }, { done: 0 })]),
    );
    expect(group).toMatchObject({ reached: 2, asked: 4 });
    expect(group.shown.map(({ records }) => records.length)).toEqual([2, 2]);
    expect(averageOf(group, accuracy, "interval")!.mean).toBeCloseTo(0.205, 12);
  });

  it("count a seed once, and the longest of its runs", () => {
    const [short, long] = named([run({ epochs: 2 }, { done: 2 }), run({ kernels: "relaxed" })]);
    const group = only([short, long]);
    expect(group.runs).toEqual([long]);
    expect(group.again).toEqual([short]);
  });

  it("take a run that is shorter than the others for unfinished", () => {
    const group = only(named([run({}), run({ seed: 1, epochs: 2 }, { done: 2 })]));
    expect(group.shown).toHaveLength(1);
    expect(group.unfinished).toHaveLength(1);
  });

  it("are never of two generators", () => {
    const old = run({ seed: 1 }, { environment: { generator: "dice/0" } });
    const [{ groups }] = sectionsOf(named([run({}), old]));
    expect(groups.map(({ method, runs }) => [method, runs.length])).toEqual([
      ["HNCA", 1],
      ["HNCA, generator dice/0", 1],
    ]);
  });

  it("can be of the first epochs", () => {
    const group = only(named(seeds(2, {})).map((one) => untilEpoch(one, 2)));
    expect(group).toMatchObject({ reached: 2, asked: 2, unfinished: [] });
    const steps = untilEpoch(run({ task: "multiplexer", steps: 40, recordEvery: 10 }), 2);
    expect(steps.config).toMatchObject({ epochs: 2, steps: 20 });
    expect(steps.records).toHaveLength(2);
  });
});

it.each([
  [{}, "flipnet train --seed 0 --kernels portable"],
  [
    { estimator: "reinforce", hidden: [], baseline: "running-average", learningRate: [1e-3, 1e-4] },
    "flipnet train --estimator reinforce --baseline running-average --hidden '' --learning-rate 0.001,0.0001 --seed 0 --kernels portable",
  ],
  [
    { task: "vae", fullReward: true, hidden: ["softmax:20x10", "5@input+0"], out: "x", threads: 2 },
    "flipnet train --task vae --full-reward --hidden softmax:20x10,5@input+0 --seed 0 --kernels portable",
  ],
  [
    { task: "multiplexer", steps: 40, recordEvery: 20, paperScale: true },
    "flipnet train --task multiplexer --steps 40 --record-every 20 --seed 0 --kernels portable --paper-scale",
  ],
])("%j is trained by its command", (settings, command) => {
  expect(trainCommand(parseConfig({ ...settings, kernels: "portable" }))).toBe(command);
});

it("a config that flags cannot say is trained by its command all the same", () => {
  const config = parseConfig({ beta1: 0.5, data: "it's here", kernels: "portable", seed: 7 });
  const [, json] = /^printf %s (.*) \| flipnet train -$/.exec(trainCommand(config, { seed: "$seed" }))!;
  const text = json.replaceAll("'\\''", "\u0000").replaceAll("'", "").replaceAll("\u0000", "'");
  expect(parseConfig(JSON.parse(text.replace("$seed", "7")))).toEqual(config);
});

describe("a report", () => {
  const options: ReportOptions = { title: "A < B & C" };
  const write = async (stored: readonly StoredRun[], more: Partial<ReportOptions> = {}) => {
    const folder = newFolder();
    const { page } = await writeReport(folder, nameRuns(stored), { ...options, ...more });
    const read = (name: string) => readFileSync(join(folder, name), "utf8");
    return {
      page,
      html: readFileSync(page, "utf8"),
      readme: read("README.md"),
      read,
      files: readdirSync(folder),
    };
  };

  it("stands alone, with figure, spec, records and results beside it", async () => {
    const runs = [...seeds(3, {}), ...seeds(3, { estimator: "reinforce" })];
    const { html, readme, read, files } = await write(runs, {
      subtitle: "Of two methods.",
      statements: ["HNCA learns."],
      commands: ["flipnet reproduce it"],
      scaledDown: "4 of 100 epochs",
    });
    expect(files).toEqual([
      "README.md",
      "figure.svg",
      "figure.vl.json",
      "index.html",
      "records.csv",
      "results.json",
    ]);
    expect(html).not.toMatch(/<script|<link|src=|@import|url\((?!#)/);
    expect(html.match(/https?:[^"]*/g)!.filter((link) => !link.startsWith("http://www.w3.org/"))).toEqual([]);
    for (const text of [html, readme, read("figure.svg")]) expect(text).toContain(": 4 of 100 epochs");
    for (const text of ["Student’s t", "HNCA learns.", "flipnet reproduce it", "flipnet 1.2.3"]) {
      expect(html).toContain(text);
      expect(readme).toContain(text);
    }
    expect(html).toContain("A &#60; B &#38; C");
    expect(readme).toContain("![Learning curves of REINFORCE; HNCA](figure.svg)");
    expect(readme).toContain(
      "for seed in 0 1 2; do flipnet train --epochs 4 --seed $seed --kernels portable; done",
    );
    // The mean of 0.4, 0.41 and 0.42, and Student's t of it.
    expect(readme).toContain("| HNCA | 3 | 4 | 36.0 ± 2.5 % | 41.0 ± 2.5 % | −3.00 ± 0.00 | 2.00 | 0 s |");
    // Both learn the same here, seed by seed: their difference is certain, though neither mean is.
    expect(readme).toContain("| less REINFORCE | pairs |");
    expect(readme).toContain("| HNCA | 3 | 0.0 ± 0.0 % | 0.0 ± 0.0 % |");
    expect(read("records.csv").trimEnd().split("\r\n")).toHaveLength(1 + 6 * 4);
    const results = JSON.parse(read("results.json"));
    expect(results.runs).toHaveLength(6);
    expect(results.table[1]).toMatchObject({ method: "HNCA", seeds: 3, epochs: 4, msPerStep: 2 });
    expect(results.table[1].metrics.testAccuracy.mean).toBeCloseTo(0.41, 12);
    expect(results.table[1].lessFirst.testAccuracy).toEqual({ mean: 0, low: 0, high: 0, count: 3 });
    expect(JSON.parse(read("figure.vl.json")).$schema).toContain("vega-lite");
  });

  it("says what is unfinished, and where it is", async () => {
    const unfinished = run({ seed: 1 }, { done: 3 });
    const { html, readme, read } = await write([
      run({}),
      unfinished,
      run({ estimator: "reinforce" }, { done: 0 }),
    ]);
    for (const text of [html, readme, read("figure.svg")])
      expect(text).toContain("2 of 3 runs are unfinished");
    expect(readme).toContain(
      "HNCA: 1 of 2 runs unfinished: seed 1 at epoch 3 of 4. Means are of the others.",
    );
    expect(readme).toContain("REINFORCE: 1 of 1 runs unfinished: seed 0 without a record.");
    expect(readme).toContain("| HNCA | 1 of 2 | 4 |");
    expect(readme).toContain("| REINFORCE | 0 of 1 | 0 of 4 |");
    expect(readme).toContain("One seed each");
  });

  it("says which processors its times are of, where they are not all of one", async () => {
    const on = (cpu: string, seed: number) => {
      const made = run({ seed });
      const starts = made.environment.starts.map((start) => ({ ...start, cpu }));
      return { ...made, environment: { ...made.environment, starts } };
    };
    const sentence = "They were measured on different processors, Slow and Fast:";
    const mixed = await write([on("Slow", 0), on("Fast", 1)]);
    expect(mixed.readme).toContain(sentence);
    const { runs } = JSON.parse(mixed.read("results.json"));
    expect(runs.map(({ cpus }: { cpus: string[] }) => cpus)).toEqual([["Slow"], ["Fast"]]);
    const { readme } = await write([on("Slow", 0), on("Slow", 1)]);
    expect(readme).not.toContain("different processors");
  });

  it("has the standard deviation where it is asked for", async () => {
    const { readme, read } = await write(seeds(3, {}), { bands: "deviation" });
    expect(readme).toContain("| 41.0 (1.0) % |");
    expect(read("figure.svg")).toContain("bands the standard deviation over these");
  });

  it("takes runs of several tasks, each with its own metrics", async () => {
    const runs = [run({}), run({ task: "vae" }, { metric: { logGradientVariance: null } })];
    const { html, files } = await write([...runs, run({ task: "multiplexer", steps: 40, recordEvery: 10 })]);
    expect(files.filter((name) => name.endsWith(".svg"))).toEqual([
      "figure-1.svg",
      "figure-2.svg",
      "figure-3.svg",
    ]);
    for (const title of ["Contextual bandit", "Multiplexer", "Variational auto-encoder"]) {
      expect(html).toContain(`<h2>${title}</h2>`);
    }
    expect(html).toContain("reward, last 100 batches");
    expect(html).not.toMatch(/NaN|undefined|Infinity|null/);
    // Figures on one page share no id.
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("draws several figures where one could not be read", async () => {
    const many = Array.from({ length: 10 }, (_, i) => run({ batchSize: i + 1 }));
    expect((await write(many)).files.filter((name) => name.endsWith(".svg"))).toHaveLength(2);
    const wide = Array.from({ length: 4 }, (_, i) => run({ hidden: new Array(i).fill(200) }));
    expect((await write(wide)).files.filter((name) => name.endsWith(".svg"))).toHaveLength(2);
  });

  it("has its panels in the order that is asked for", () => {
    const both = nameRuns([run({ hidden: [200] }), run({ hidden: [9] })]);
    expect(sectionsOf(both)[0].panels).toEqual(["1 hidden layer", "hidden 9"]);
    expect(sectionsOf(both, ["hidden 9"])[0].panels).toEqual(["hidden 9", "1 hidden layer"]);
  });

  it("needs an epoch, and writes nothing without", async () => {
    const folder = newFolder();
    await expect(writeReport(folder, nameRuns([run({}, { done: 0 })]), options)).rejects.toThrow(
      "no run has finished an epoch",
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});

it("text is text, in HTML and in Markdown", () => {
  const blocks = [
    { kind: "text", text: "<b> & *x* `a_b<c>` [f](f.csv)" },
    { kind: "table", head: ["a|b"], rows: [["x_y"]], words: 1 },
  ] as const;
  const html = toHtml("<t>", blocks, "mark");
  expect(html).toContain("<title>&#60;t&#62;</title>");
  expect(html).toContain('<p>&#60;b&#62; &#38; *x* <code>a_b&#60;c&#62;</code> <a href="f.csv">f</a></p>');
  expect(toMarkdown(blocks)).toBe("\\<b> & \\*x\\* `a_b<c>` [f](f.csv)\n\n| a\\|b |\n| --- |\n| x\\_y |\n");
});

it("makes no links, no other lines and no ends of code of what runs and experiments say", () => {
  const markdown = toMarkdown([
    { kind: "text", text: "[click](http://evil.example) and [the table](records.csv)\n# heading" },
    { kind: "code", lines: ["flipnet train --data 'a", "```", "b'"] },
  ]);
  expect(markdown).toBe(
    "\\[click](http://evil.example) and [the table](records.csv) # heading\n\n" +
      "````sh\nflipnet train --data 'a\n```\nb'\n````\n",
  );
  expect(toHtml("t", [], "c")).toContain("default-src 'none'");
});
