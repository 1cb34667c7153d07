/** The commands of keys. */
export type DashCommand =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'open'
  | 'back'
  | 'nextPage'
  | 'previousPage'
  | 'pause'
  | 'run'
  | 'archive'
  | 'delete'
  | 'cancel'
  | 'mark'
  | 'filter'
  | 'jump'
  | 'sort'
  | 'help'
  | 'redraw'
  | 'quit'
  | 'yes'
  | 'no';

interface Binding {
  /** Letters as typed, others by the names that `nameOf` gives them. */
  readonly keys: readonly string[];
  readonly command: DashCommand;
  /** The keys and their effect, for the help; some share a line. */
  readonly help?: readonly [keys: string, does: string];
}

/** Keys that change something are capitals, to prevent mistakes. */
export const BINDINGS: readonly Binding[] = [
  { keys: ['up', 'k'], command: 'up', help: ['↑ ↓  k j', 'move; in a task: scroll'] },
  { keys: ['down', 'j'], command: 'down' },
  {
    keys: ['left', 'h'],
    command: 'left',
    help: ['← →  h l', 'other tab: queues, servers or schedules, a state of tasks'],
  },
  { keys: ['right', 'l'], command: 'right' },
  { keys: ['return'], command: 'open', help: ['Enter Esc q', 'open; back, on the first view: quit'] },
  { keys: ['escape', 'q'], command: 'back' },
  { keys: ['n'], command: 'nextPage', help: ['n p', 'next page, previous page'] },
  { keys: ['p'], command: 'previousPage' },
  { keys: ['/'], command: 'filter', help: ['/ :', 'filter queues or tasks by a text; go to a queue by name'] },
  { keys: [':'], command: 'jump' },
  { keys: ['s'], command: 'sort', help: ['s', 'sort the queues by name, size, latency or failures'] },
  { keys: [' '], command: 'mark', help: ['Space', 'mark a task: R, A, D and C are for all marked ones'] },
  { keys: ['P'], command: 'pause', help: ['P', 'pause the queue or schedule, or resume it'] },
  { keys: ['R'], command: 'run', help: ['R A D C', 'run the task now, archive it, delete it, cancel it'] },
  { keys: ['A'], command: 'archive' },
  { keys: ['D'], command: 'delete' },
  { keys: ['C'], command: 'cancel' },
  { keys: ['?'], command: 'help', help: ['? ^L ^C', 'this help, draw the screen again, quit'] },
  { keys: ['ctrl+l'], command: 'redraw' },
  { keys: ['ctrl+c'], command: 'quit' },
];

/** The keys during a confirmation. Everything except `y` means no. */
const ANSWERS: Readonly<Record<string, DashCommand>> = { y: 'yes', 'ctrl+c': 'quit', 'ctrl+l': 'redraw' };

/** The flags that the terminal library sets for special keys. */
export interface SpecialKeys {
  readonly upArrow: boolean;
  readonly downArrow: boolean;
  readonly leftArrow: boolean;
  readonly rightArrow: boolean;
  readonly return: boolean;
  readonly escape: boolean;
  readonly ctrl: boolean;
  readonly backspace?: boolean;
  readonly delete?: boolean;
}

/** What a key does to a text that is being typed. */
export type Edit = { readonly kind: 'add'; readonly text: string } | { readonly kind: 'erase' | 'accept' | 'abandon' };

export function editOf(input: string, special: SpecialKeys): Edit | 'quit' | undefined {
  const name = nameOf(input, special);
  if (name === 'ctrl+c') return 'quit';
  if (name === 'return') return { kind: 'accept' };
  if (name === 'escape') return { kind: 'abandon' };
  if (special.backspace || special.delete || input === '\u007F' || input === '\b') return { kind: 'erase' };
  return special.ctrl || input === '' || name !== input ? undefined : { kind: 'add', text: input };
}

/** @param isAsked whether a confirmation is pending */
export function commandOf(input: string, special: SpecialKeys, isAsked: boolean): DashCommand | undefined {
  const name = nameOf(input, special);
  if (isAsked) return ANSWERS[name] ?? 'no';
  return BINDINGS.find(({ keys }) => keys.includes(name))?.command;
}

function nameOf(input: string, special: SpecialKeys): string {
  if (special.upArrow) return 'up';
  if (special.downArrow) return 'down';
  if (special.leftArrow) return 'left';
  if (special.rightArrow) return 'right';
  if (special.return || input === '\r') return 'return'; // the flag is missing when several keys arrive together
  if (special.escape) return 'escape';
  return special.ctrl ? `ctrl+${input}` : input;
}
