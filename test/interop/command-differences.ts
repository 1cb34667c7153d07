/** Intended differences between our command and asynq's. All tests of its rows read this list. */

/** What asynq's prints, and what ours prints instead; `command` is the start of the command line. */
interface Reworded {
  readonly command: string;
  readonly theirs: string;
  readonly ours: string;
  readonly why: string;
}

export const REWORDED: readonly Reworded[] = [
  {
    command: 'task ls -q lines',
    theirs: 'line 1\nline 2',
    ours: 'line 1\\nline 2',
    why: 'a line break splits the row and shifts every column after it',
  },
  {
    command: 'task ls -q tab',
    theirs: 'left  right',
    ours: 'left\\tright',
    why: 'a tab starts a column of its own',
  },
  {
    command: 'task ls -q escape',
    theirs: '\u001B[31mred',
    ours: '\\u001b[31mred',
    why: 'text of a task must not control the terminal',
  },
  {
    command: 'cron ls',
    theirs: '[Queue("a \\"queue\\"") Timeout',
    ours: '[Queue("a \\"queue\\"") TaskID("new-year") Timeout',
    why: 'asynq cannot read this option back and leaves it out',
  },
  {
    command: 'cron ls',
    theirs: ' MaxRetry(3)]',
    ours: ' Group("team-a") MaxRetry(3)]',
    why: 'asynq cannot read this option back and leaves it out',
  },
  {
    command: 'cron history entry-often',
    theirs: '07:08:07.123456789 +0000 UTC',
    ours: '07:08:07.123 +0000 UTC',
    why: 'a Date has milliseconds',
  },
];

/** Lines that only ours prints. */
export const ADDED: readonly { readonly command: string; readonly ours: RegExp; readonly why: string }[] = [
  {
    command: 'task inspect',
    ours: /^(Payload|Result|Group|Header|Crashes): /,
    why: 'users need these fields of a task',
  },
  {
    command: 'queue inspect',
    ours: /^(Paused since|Latency|Servers|Memory): /,
    why: 'they say why a queue is behind',
  },
  {
    command: 'stats',
    ours: /^(Flow by Queue|queue {2}latency {2}.*|-{5} {2}-{7} {2}-{7} {2}-{10} {2}-{6}|\S+ {2}[\dhms]+ {2}\d+ {2}\d+\/\d+ {2}.*)$/,
    why: 'it says which queues are behind',
  },
];

/** Command lines that work, and warn on stderr. */
export const WARNED: readonly { readonly command: string; readonly ours: RegExp; readonly why: string }[] = [
  {
    command: 'task cancel active-1 nothing',
    ours: /^(warning: nobody runs task \S+: .*\n)+$/,
    why: 'a mistyped id would otherwise seem to be canceled',
  },
];

/** Lines that asynq's prints in the order of Redis' reply, and ours sorted by name. */
export const SORTED: readonly string[] = ['queue ls', 'group ls'];

/** Only on an empty Redis. */
export const REWORDED_WHEN_EMPTY: readonly Reworded[] = [
  {
    command: 'stats',
    theirs: 'Daily Stats 0001-01-01 UTC',
    ours: 'Daily Stats <today> UTC',
    why: 'asynq takes the day from the last queue, and there is none',
  },
  { command: 'stats --json', theirs: '"queues": null', ours: '"queues": []', why: 'the list is empty, not missing' },
];

/**
 * Command lines that end in an error: our exit status, and text that our error line must contain. asynq's prints errors
 * among the results and, for several items, ends with status 0. Ours prints one line on stderr that names the problem,
 * and ends with status 1, or 2 when the command line itself is invalid.
 */
export const ERRORS: readonly (readonly [command: string, status: 1 | 2, says: string])[] = [
  ['queue inspect nowhere', 1, '"nowhere"'],
  ['queue history nowhere', 1, '"nowhere"'],
  ['queue pause mail', 1, 'queue "mail" is already paused'],
  ['queue unpause mail', 1, 'queue "mail" is not paused'],
  ['queue rm tab', 1, 'queue "tab" is not empty; --force removes it'],
  ['queue rm --force mail', 1, '"mail" has 2 active tasks'],
  ['queue remove nowhere', 1, '"nowhere"'],
  ['task ls -q nowhere -s pending', 1, '"nowhere"'],
  ['task ls -q mail -s done', 2, 'Given: "done", Choices: "active"'],
  ['task ls -q mail', 2, 'state'],
  ['task ls -q digest -s aggregating', 2, '--group is required'],
  ['task inspect -q mail -i nothing', 1, 'nothing in queue "mail"'],
  ['task run --queue mail --id retry-short', 1, 'retry-short in queue "mail" is pending'],
  ['task run -q mail -i active-1', 1, 'active-1 in queue "mail" is active'],
  ['task archive --queue mail --id retry-short', 1, 'retry-short in queue "mail" is archived'],
  ['task delete -q mail -i active-1', 1, 'active-1 in queue "mail" is active'],
  ['task remove -q mail -i nothing', 1, 'nothing in queue "mail"'],
  ['task enqueue -t email -l {} --queue new --id e-1', 1, 'e-1 in queue "new"'],
  ['task enqueue -t email -l unique --queue new --id e-3 --unique 1h', 1, 'is held by task e-2'],
  ['task enqueue -t email -l {} --timeout 10', 2, '--timeout is "10"'],
  ['task enqueue -t email -l {} --deadline tomorrow', 2, '--deadline is "tomorrow"'],
  ['task enqueue -t email --queue new', 2, 'payload'],
  ['task runall -q digest -s aggregating', 2, '--group is required'],
  ['task runall -q mail -s active', 2, 'Given: "active", Choices: "scheduled"'],
  ['task deleteall -q nowhere -s retry', 1, '"nowhere"'],
];
