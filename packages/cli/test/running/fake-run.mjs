// Plays `flipnet train -` for the tests of the pool: what to do is the setting `out`.
import { text } from "node:stream/consumers";

const [, , command, path, ...rest] = process.argv;
const { out: behaviour } = JSON.parse(await text(process.stdin));
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const record = (epoch) => ({ type: "epoch", epoch, step: epoch, testAccuracy: epoch / 10 });

if (command !== "train" || path !== "-" || !rest.includes("--json")) process.exit(2);
switch (behaviour) {
  case "succeed":
    process.send({ type: "progress", epoch: 1, epochs: 2, step: 1, stepsPerEpoch: 2, metrics: {} });
    print(record(1));
    print(record(2));
    print({ type: "summary", runId: "1", folder: "runs/1", epochs: 2 });
    break;
  case "fail":
    print(record(1));
    process.stderr.write("a warning\nerror: the disk is full\n\n");
    process.exitCode = 1;
    break;
  case "crash":
    process.stdout.write('{"type": "epo');
    process.kill(process.pid, "SIGKILL");
    break;
  case "say-nothing":
    break;
  case "wait":
    print(record(1));
    process.on("message", () => {
      process.stderr.write("stopped\n");
      process.exit(130);
    });
    process.send({ type: "progress", epoch: 2, epochs: 9, step: 1, stepsPerEpoch: 2, metrics: {} });
    setInterval(() => {}, 1000);
}
