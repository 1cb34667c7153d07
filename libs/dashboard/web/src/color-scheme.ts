import { useSyncExternalStore } from 'react';
import { onSettingsChange, settings } from './settings.js';

const prefersDark = matchMedia('(prefers-color-scheme: dark)');

/** Light or dark, as chosen or as the system has it. */
function colorScheme(): 'light' | 'dark' {
  const { theme } = settings();
  if (theme !== 'system') return theme;
  return prefersDark.matches ? 'dark' : 'light';
}

function apply(): void {
  document.documentElement.dataset['theme'] = colorScheme();
}

/** Dresses the page, and again whenever the choice or the system changes. */
export function followColorScheme(): void {
  apply();
  prefersDark.addEventListener('change', apply);
  onSettingsChange(apply);
}

export function useColorScheme(): 'light' | 'dark' {
  return useSyncExternalStore((listener) => {
    prefersDark.addEventListener('change', listener);
    const stop = onSettingsChange(listener);
    return () => {
      prefersDark.removeEventListener('change', listener);
      stop();
    };
  }, colorScheme);
}
