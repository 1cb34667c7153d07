import { CSPProvider } from '@base-ui/react/csp-provider';
import { Tooltip } from '@base-ui/react/tooltip';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode, useEffect } from 'react';
import { ActionHost } from './actions/action-host.js';
import { I18nProvider } from './i18n/i18n.js';
import { Shell } from './layout/shell.js';
import { ToastProvider } from './parts/toasts.js';
import { usePlace } from './routing/place.js';
import { ErrorBoundary } from './error-boundary.js';
import { queryClient } from './server/reads.js';
import { GroupsScreen } from './screens/groups-screen.js';
import { NewTaskScreen } from './screens/new-task/new-task-screen.js';
import { NotFoundScreen } from './screens/not-found-screen.js';
import { OverviewScreen } from './screens/overview/overview-screen.js';
import { QueueScreen } from './screens/queue/queue-screen.js';
import { RedisScreen } from './screens/fleet/redis-screen.js';
import { SchedulesScreen } from './screens/fleet/schedules-screen.js';
import { SearchScreen } from './screens/search/search-screen.js';
import { ServersScreen } from './screens/fleet/servers-screen.js';
import { SettingsScreen } from './screens/settings-screen.js';
import { TaskScreen } from './screens/task/task-screen.js';

export function App() {
  return (
    <StrictMode>
      <CSPProvider disableStyleElements>
        <QueryClientProvider client={queryClient}>
          <I18nProvider>
            <Tooltip.Provider delay={400}>
              <ToastProvider>
                <ActionHost>
                  <Shell>
                    <Screen />
                  </Shell>
                </ActionHost>
              </ToastProvider>
            </Tooltip.Provider>
          </I18nProvider>
        </QueryClientProvider>
      </CSPProvider>
    </StrictMode>
  );
}

function Screen() {
  const { page } = usePlace();
  return (
    <ErrorBoundary key={page}>
      <ScreenOf />
    </ErrorBoundary>
  );
}

function ScreenOf() {
  const { page, params } = usePlace();
  const key = `${page}?${params.get('queue')}&${params.get('id')}`;
  useEffect(() => {
    // Screen readers begin at the new page.
    if (document.activeElement === document.body)
      document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true });
  }, [key]);
  switch (page) {
    case '':
    case 'queues':
      return <OverviewScreen />;
    case 'queue':
      return <QueueScreen key={key} queue={params.get('queue') ?? ''} />;
    case 'tasks':
      return <SearchScreen />;
    case 'task':
      return <TaskScreen key={key} queue={params.get('queue') ?? ''} id={params.get('id') ?? ''} />;
    case 'new':
      return <NewTaskScreen key={key} />;
    case 'groups':
      return <GroupsScreen key={key} />;
    case 'servers':
      return <ServersScreen />;
    case 'schedules':
      return <SchedulesScreen />;
    case 'redis':
      return <RedisScreen />;
    case 'settings':
      return <SettingsScreen />;
    case undefined:
    default:
      return <NotFoundScreen />;
  }
}
