import type { GroupMessage } from './group-message.ts';

/** What waits to be sent: first what has to be sent again, by age, then replayed messages, then new ones. */
export class MessageBuffer {
  private readonly retries: GroupMessage[] = [];
  private fresh: GroupMessage[] = [];

  get freshCount(): number {
    return this.fresh.length;
  }

  get retryCount(): number {
    return this.retries.length;
  }

  add(message: GroupMessage): void {
    this.fresh.push(message);
  }

  addRetry(message: GroupMessage): void {
    let at = this.retries.length;
    while (at > 0 && comesBefore(message, this.retries[at - 1])) at -= 1;
    this.retries.splice(at, 0, message);
  }

  /** Offers the messages in order: taken ones leave the buffer, skipped ones stay, and `stop` ends it. */
  offer(send: (message: GroupMessage) => 'taken' | 'skipped' | 'stop'): void {
    if (offerFrom(this.retries, send) === 'stop') return;
    offerFrom(this.fresh, send);
  }

  /** The first event in order that was not sent, replayed ones aside. */
  lowest(): GroupMessage | undefined {
    const retry = this.retries.find(({ replayed }) => !replayed);
    const [fresh] = this.fresh;
    if (!retry || !fresh) return retry ?? fresh;
    return retry.sequence < fresh.sequence ? retry : fresh;
  }
}

function comesBefore(message: GroupMessage, other: GroupMessage | undefined): boolean {
  if (!other || message.replayed) return false;
  return other.replayed || message.sequence < other.sequence;
}

function offerFrom(messages: GroupMessage[], send: (message: GroupMessage) => 'taken' | 'skipped' | 'stop'): 'stop' | undefined {
  let index = 0;
  let kept = 0;
  let result: 'stop' | undefined;
  for (; index < messages.length; index += 1) {
    const message = messages[index];
    if (!message) break;
    const outcome = send(message);
    if (outcome === 'stop') {
      result = 'stop';
      break;
    }
    if (outcome === 'skipped') messages[kept++] = message;
  }
  messages.splice(kept, index - kept);
  return result;
}
