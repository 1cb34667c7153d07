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
  { keys: ['up', 'k'], command: 'up', help: ['↑ ↓  k j', 'move'] },
  { keys: ['down', 'j'], command: 'down' },
  { keys: ['left', 'h'], command: 'left', help: ['← →  h l', 'other tab: queues or servers, a state of tasks'] },
  { keys: ['right', 'l'], command: 'right' },
  { keys: ['return'], command: 'open', help: ['Enter', 'open a queue, a group, a task'] },
  { keys: ['escape', 'q'], command: 'back', help: ['Esc q', 'back; on the first view: quit'] },
  { keys: ['n'], command: 'nextPage', help: ['n p', 'next page, previous page'] },
  { keys: ['p'], command: 'previousPage' },
  { keys: ['P'], command: 'pause', help: ['P', 'pause the queue, or resume it'] },
  { keys: ['R'], command: 'run', help: ['R A D', 'run the task now, archive it, delete it'] },
  { keys: ['A'], command: 'archive' },
  { keys: ['D'], command: 'delete' },
  { keys: ['?'], command: 'help', help: ['?', 'this help'] },
  { keys: ['ctrl+l'], command: 'redraw', help: ['Ctrl-L', 'draw the screen again'] },
  { keys: ['ctrl+c'], command: 'quit', help: ['Ctrl-C', 'quit'] },
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
