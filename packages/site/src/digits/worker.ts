/** Trains the auto-encoder while the page goes on. */
import { answering } from "../shared/ask.ts";
import { loadDigits } from "../shared/digits.ts";
import { answerTo, type Question } from "./training.ts";

answering(async (question: Question) => answerTo(question, (await loadDigits()).images));
