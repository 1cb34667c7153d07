/** Facts about a task for links to it. Hidden fields are hidden here, too. */
export interface LinkedTask {
  readonly id: string;
  readonly queue: string;
  readonly type: string;
  /** As shown: text, or base64 for other bytes. */
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of its `traceparent`. */
  readonly traceId: string | undefined;
}

/** A link from a task to another page. */
export interface TaskLink {
  readonly label: string;
  /** `http:`, `https:`, or relative; others are left out. */
  readonly url: string;
}

/** Links from a task to other pages. */
export type TaskLinks = (task: LinkedTask) => readonly TaskLink[];

/** The links that a browser may follow: an address of another kind could run a script. */
export function safeLinks(links: readonly TaskLink[]): TaskLink[] {
  return links.filter(({ url }) => {
    const parsed = URL.canParse(url, 'http://relative.invalid') && new URL(url, 'http://relative.invalid');
    return parsed && ['http:', 'https:'].includes(parsed.protocol);
  });
}
