import { useCallback } from 'react';
import { useI18n } from '../i18n/i18n.js';
import { RequestError } from './requests.js';

export interface ErrorText {
  readonly title: string;
  readonly text?: string | undefined;
}

/** Puts a failure into words. */
export function useErrorText(): (error: unknown) => ErrorText {
  const { t } = useI18n();
  return useCallback(
    (error) => {
      if (!(error instanceof RequestError)) return { title: t('error.UNKNOWN'), text: String(error) };
      const { code, message, problems, status } = error;
      const text =
        problems.length > 0 ? problems.map(({ field, allowed }) => `${field}: ${allowed}`).join('\n') : message;
      switch (code) {
        case 'UNREACHABLE':
          return { title: t('error.UNREACHABLE'), text: t('error.UNREACHABLE.do') };
        case 'LOGIN':
          return { title: t('error.LOGIN'), text: t('error.LOGIN.do') };
        case 'READ_ONLY':
          return { title: t('error.READ_ONLY') };
        case 'FORBIDDEN':
          return { title: t('error.FORBIDDEN'), text };
        case 'CROSS_SITE':
        case 'UNKNOWN_HOST':
          return { title: t('error.CROSS_SITE'), text };
        case 'QUEUE_NOT_FOUND':
          return { title: t('error.QUEUE_NOT_FOUND'), text: t('error.QUEUE_NOT_FOUND.do') };
        case 'TASK_NOT_FOUND':
          return { title: t('error.TASK_NOT_FOUND'), text: t('error.TASK_NOT_FOUND.do') };
        case 'REDIS':
          return { title: t('error.REDIS'), text };
        case 'BUSY':
          return { title: t('error.BUSY') };
        case 'INVALID_PAYLOAD':
          return {
            title: t('error.INVALID_PAYLOAD'),
            text: problems.map(({ allowed }) => allowed).join('\n') || message,
          };
        case 'UNKNOWN':
          return { title: t('error.status', { status: String(status) }), text: message };
        case 'INVALID':
        case 'NOT_FOUND':
        case 'SCHEDULE_NOT_FOUND':
        case 'METHOD':
        case 'TASK_STATE':
        case 'TASK_ID_CONFLICT':
        case 'DUPLICATE_TASK':
        case 'QUEUE_NOT_EMPTY':
        case 'TOO_LARGE':
        case 'CONTENT_TYPE':
        case 'INTERNAL':
        default:
          return { title: t('error.refused'), text };
      }
    },
    [t],
  );
}
