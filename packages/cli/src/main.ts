// What is run as `flipnet`.
import { guardOutput } from "./commands/exit.ts";
import { run } from "./program.ts";

guardOutput();
await run();
