// Calls the command line, as it is built, again and again in one process: what `flipnet.ts` sends on the third pipe.
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { run } from "../../dist/program.js";

const parent = new Socket({ fd: 3 });
// Tests may end while a command goes on, which nobody waits for any more.
parent.on("close", () => process.exit(1));
const [program, main] = process.argv;
const home = process.cwd();

/** What a command writes, in the place of the pipe. */
function caught(stream) {
  const text = { said: "" };
  stream.write = (chunk, encoding, done = encoding) => {
    text.said += chunk;
    if (typeof done === "function") process.nextTick(done);
    return true;
  };
  return text;
}

for await (const line of createInterface({ input: parent })) {
  const { args, cwd = home } = JSON.parse(line);
  const [stdout, stderr] = [caught(process.stdout), caught(process.stderr)];
  process.argv = [program, main, ...args];
  process.chdir(cwd);
  process.exitCode = 0;
  await run();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(signal);
  parent.write(`${JSON.stringify({ code: process.exitCode, stdout: stdout.said, stderr: stderr.said })}\n`);
  process.exitCode = 0;
}
