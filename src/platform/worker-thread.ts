/** The other side of a {@link WorkerPool}: what a thread does with its requests. */
import { parentPort, type TransferListItem } from 'node:worker_threads';
import type { WorkerAnswer, WorkerRequest } from './worker-pool.ts';

/**
 * Answers one request after the other, in their order.
 * @param answer undefined where there is nothing to say but that it was done. Only a defect throws: the request fails, the
 * thread goes on
 * @param moved of an answer: what the thread has no use for any more
 */
export function answerRequests<Request, Answer>(
  answer: (request: Request) => Answer | undefined | Promise<Answer | undefined>,
  moved: (answer: Answer) => readonly TransferListItem[] = () => [],
): void {
  const port = parentPort!;
  let turn: Promise<void> = Promise.resolve();
  port.on('message', ({ id, request }: WorkerRequest<Request>) => {
    turn = turn
      .then(() => answer(request))
      .then((said) => {
        const reply: WorkerAnswer<Answer> = said === undefined ? { id } : { id, answer: said };
        port.postMessage(reply, said === undefined ? [] : [...moved(said)]);
      })
      .catch((error: unknown) => {
        const stack = error instanceof Error ? error.stack : undefined;
        const reply: WorkerAnswer<Answer> = { id, error: String(error), ...(stack && { stack }) };
        port.postMessage(reply);
      });
  });
}
