/** Trains the auto-encoder while the page goes on; the digits are fetched once. */
import { answering } from "../shared/ask.ts";
import { answerTo, type Question, unpacked } from "./training.ts";

let digits: Promise<Uint8Array> | undefined;

async function loadDigits(): Promise<Uint8Array> {
  // Beside the pages; this file is in a folder of theirs.
  const response = await fetch(new URL("../digits.bin", location.href));
  if (!response.ok) throw new Error(`digits.bin: ${response.status}`);
  return unpacked(new Uint8Array(await response.arrayBuffer()));
}

answering(async (question: Question) => {
  digits ??= loadDigits();
  return answerTo(question, await digits);
});
