import { Box, Text, useInput, useStdout } from 'ink';
import { type ReactNode, useSyncExternalStore } from 'react';
import { oneLine } from '../../output/cells.js';
import type { Dash } from '../dash.js';
import { commandOf, editOf } from '../keys.js';
import { type DashState, selectedTasks, shown } from '../state.js';
import { HOME_TABS, queuesIn } from '../view.js';
import { colored } from './colors.js';
import { HelpView } from './help-view.js';
import { QueueView } from './queue-view.js';
import { QueuesView } from './queues-view.js';
import { SchedulesView } from './schedules-view.js';
import { ServersView } from './servers-view.js';
import { TabBar } from './tab-bar.js';
import { TaskView } from './task-view.js';

const CLEAR_SCREEN = '\u001B[2J\u001B[H';

interface DashScreenProps {
  readonly dash: Dash;
  readonly subscribe: (changed: () => void) => () => void;
}

/** The whole terminal except its last line: a full screen would scroll. */
export function DashScreen({ dash, subscribe }: DashScreenProps): ReactNode {
  const state = useSyncExternalStore(subscribe, () => dash.state);
  const { write } = useStdout();
  useInput((input, special) => {
    const isAsked = dash.state.asked !== undefined;
    // Keys that are typed fast arrive together, and special keys with an empty text.
    for (const key of input.length > 1 ? input : [input]) {
      if (dash.state.input) {
        const edit = editOf(key, special);
        if (edit === 'quit') void dash.press('quit');
        else if (edit) void dash.edit(edit);
        continue;
      }
      const command = commandOf(key, special, isAsked);
      if (command === 'redraw') write(CLEAR_SCREEN);
      else if (command) void dash.press(command);
      // The rest was typed before the question was shown, or after its answer.
      if (isAsked || dash.state.asked) return;
    }
  });
  return (
    <Box flexDirection="column" height={Math.max(1, state.lines - 1)} width={state.columns} overflow="hidden">
      <Heading state={state} />
      <Box flexDirection="column" flexGrow={1} overflow="hidden" marginTop={1}>
        <Body state={state} />
      </Box>
      <Footer state={state} />
    </Box>
  );
}

function Heading({ state }: { readonly state: DashState }): ReactNode {
  const { view } = shown(state);
  switch (view.kind) {
    case 'queues':
    case 'servers':
    case 'schedules':
      return <TabBar tabs={HOME_TABS.map((tab) => [tab, tab] as const)} current={view.kind} />;
    case 'queue':
      return (
        <Title text={`Queue ${oneLine(view.queue)}${view.group === undefined ? '' : ` › ${oneLine(view.group)}`}`} />
      );
    case 'task':
      return <Title text={`Queue ${oneLine(view.queue)} › Task`} />;
    case 'help':
      return <Title text="Help" />;
  }
}

function Title({ text }: { readonly text: string }): ReactNode {
  return (
    <Text bold wrap="truncate">
      {text}
    </Text>
  );
}

function Body({ state }: { readonly state: DashState }): ReactNode {
  const { view, content, selected, marked } = shown(state);
  const nowMs = state.loadedAtMs ?? 0;
  switch (content?.kind) {
    case 'queues':
      if (view.kind !== 'queues') return null;
      return (
        <QueuesView
          names={queuesIn(view, content)}
          queues={content.queues}
          selected={selected}
          lines={state.lines}
          columns={state.columns}
        />
      );
    case 'schedules':
      return <SchedulesView content={content} selected={selected} lines={state.lines} nowMs={nowMs} />;
    case 'servers':
      return <ServersView servers={content.servers} selected={selected} lines={state.lines} nowMs={nowMs} />;
    case 'queue':
      return view.kind === 'queue' ? (
        <QueueView
          view={view}
          content={content}
          selected={selected}
          marked={marked}
          lines={state.lines}
          nowMs={nowMs}
        />
      ) : null;
    case 'task':
      if (view.kind !== 'task') return null;
      return (
        <TaskView task={content.task} scroll={view.scroll} lines={state.lines} columns={state.columns} nowMs={nowMs} />
      );
    case 'help':
      return <HelpView />;
    case undefined:
      return state.loadError === undefined ? <Text dimColor>Loading…</Text> : null;
  }
}

function Footer({ state }: { readonly state: DashState }): ReactNode {
  return (
    <Box flexDirection="column" flexShrink={0}>
      <FooterLine state={state} />
      <Text dimColor wrap="truncate">
        {hintsOf(state)}
      </Text>
    </Box>
  );
}

function FooterLine({ state }: { readonly state: DashState }): ReactNode {
  const { asked, input, loadError, notice } = state;
  if (input) {
    return (
      <Text bold wrap="truncate-start">
        {input.kind === 'filter' ? '/' : 'queue: '}
        {oneLine(input.text)}█
      </Text>
    );
  }
  if (asked) {
    return (
      <Text bold {...colored('yellow')} wrap="truncate-middle">
        {asked.question} y/n
      </Text>
    );
  }
  const text = loadError ?? notice ?? filterOf(state);
  return text.startsWith('error:') ? (
    <Text {...colored('red')} wrap="truncate">
      {text}
    </Text>
  ) : (
    <Text {...colored('green')} wrap="truncate">
      {text}
    </Text>
  );
}

/** The filter and the order of what is shown, and the marks. */
function filterOf(state: DashState): string {
  const { view, marked } = shown(state);
  const parts = [
    'filter' in view && view.filter !== '' ? `filter: ${oneLine(view.filter)} (/ Enter: change, / Esc: all)` : '',
    'sort' in view && view.sort !== 'name' ? `sorted by ${view.sort}` : '',
    marked.size > 0 ? `${selectedTasks(state).length} marked` : '',
  ];
  return parts.filter((part) => part !== '').join('   ') || ' ';
}

/** A narrow terminal cuts the hints, so the key of the help comes first. */
function hintsOf(state: DashState): string {
  if (state.input) return 'Enter accept  Esc drop it';
  switch (shown(state).view.kind) {
    case 'queues':
      return '? help  q quit  ↑↓ move  ←→ servers  Enter open  / filter  : go to  s sort  n/p page  P pause/resume';
    case 'servers':
      return '? help  q quit  ↑↓ move  ←→ queues, schedules  n/p page';
    case 'schedules':
      return '? help  q quit  ↑↓ move  ←→ servers  n/p page  P pause/resume';
    case 'queue':
      return '? help  q back  ↑↓ move  ←→ state  Enter open  / filter  Space mark  R run  A archive  D delete  C cancel';
    case 'task':
      return '? help  q back  ↑↓ scroll  R run  A archive  D delete  C cancel';
    case 'help':
      return 'q back';
  }
}
