// What `flipnet train` does until its first step, with the library's own functions, one after the other. Prints what each
// phase took of the processor's time, in milliseconds, as JSON.
const phases = {};
let before = 0;
function end(phase) {
  const { user, system } = process.cpuUsage();
  phases[phase] = (user + system - before) / 1000;
  before = user + system;
}
const load = (path) => import(new URL(`../../packages/cli/dist/${path}`, import.meta.url).href);

end("Node");
// Commander too.
await load("commands/train.js");
end("import of the command line");
const { parseConfig } = await load("settings/config.js");
const config = parseConfig({ task: process.argv[2] });
end("import of zod, settings");
await load("running/runs.js");
const { createBackend, loadWorkload } = await load("running/workload.js");
end("import of all that trains");
const workload = await loadWorkload(config);
end("data: reading, digest");
const backend = await createBackend(config);
end("kernels: decoding, compiling");
const { training } = await workload.prepare(backend);
end("memory: planning, taking, copying data");
training.initialise();
end("initial weights");
const { describeEnvironment } = await load("running/environment.js");
await describeEnvironment("portable");
end("environment: revision by git");
for await (const _ of training.run(1, { pause: () => false, pauseMilliseconds: 0 }));
end("shuffling, first step");
console.log(JSON.stringify(phases));
