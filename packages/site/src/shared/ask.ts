/** A worker that answers questions, one at a time; a question that a newer one overtakes is never asked. */

/** What goes to the worker, and what comes back. */
export interface Envelope<T> {
  readonly number: number;
  readonly content: T;
}

/** Asks, and calls back with the answer unless a newer question was asked meanwhile. */
export function latest<Q, A>(
  worker: Worker,
  answered: (answer: A, question: Q) => void,
): (question: Q) => void {
  let number = 0;
  let asked: Q | undefined;
  let waiting: Q | undefined;
  worker.addEventListener("message", ({ data }: MessageEvent<Envelope<A>>) => {
    if (asked === undefined || data.number !== number) return;
    const question = asked;
    asked = undefined;
    // While something is dragged every answer is shown: the newest question is asked at once.
    if (waiting !== undefined) send(waiting);
    answered(data.content, question);
  });
  function send(question: Q) {
    waiting = undefined;
    asked = question;
    worker.postMessage({ number: ++number, content: question });
  }
  return (question) => {
    if (asked === undefined) send(question);
    else waiting = question;
  };
}

/** In the worker: answers every question. */
export function answering<Q, A>(answer: (question: Q) => A | Promise<A>): void {
  addEventListener("message", async ({ data }: MessageEvent<Envelope<Q>>) => {
    const content = await answer(data.content);
    postMessage({ number: data.number, content } satisfies Envelope<A>);
  });
}
