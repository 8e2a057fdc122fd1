import { randomUUID } from 'node:crypto';
import type { CacheCounts } from './load/browsers';

/** What coupon-admin answers, as far as it is used here. */
export interface ActivityView {
  readonly id: string;
  readonly status_name: string;
  readonly version: number;
}

export interface ConservationReport {
  readonly verdict: 'ok' | 'in_flight' | 'violation' | 'unverified';
  readonly [field: string]: unknown;
}

export interface NewActivity {
  readonly templateId: string;
  readonly name: string;
  readonly totalCount: number;
  readonly perUserLimit: number;
  readonly startMs: number;
  readonly endMs: number;
}

interface GrantView {
  readonly results: readonly { readonly user_id: string; readonly coupon_sns: readonly string[] }[];
}

const USERS_PER_GRANT = 1_000;
const REQUEST_TIMEOUT_MS = 20_000;
const API = '/api/v1';

/** The marketing person: everything through coupon-admin's REST interface. */
export class Marketing {
  constructor(
    private readonly adminUrl: string,
    private readonly headers: Readonly<Record<string, string>>,
  ) {}

  /** Creates and publishes a template: 20.00 off from 100.00 on, unless it has other terms. Resolves with its id. */
  async publishTemplate(template: {
    name: string;
    totalCount: number;
    perUserLimit: number;
    nowMs: number;
    /** Columns of coupon_templates. */
    terms?: Readonly<Record<string, string | number>>;
  }): Promise<string> {
    const created = await this.#call<{ id: string }>('POST', '/coupon-templates', {
      name: template.name,
      type: 1,
      discount_type: 1,
      discount_value: '20.00',
      min_amount: '100.00',
      ...template.terms,
      total_count: template.totalCount,
      per_user_limit: template.perUserLimit,
      valid_start_time: new Date(template.nowMs - 60_000).toISOString(),
      valid_end_time: new Date(template.nowMs + 30 * 86_400_000).toISOString(),
    });
    await this.#call('POST', `/coupon-templates/${created.id}/publish`);
    return created.id;
  }

  async createActivity(activity: NewActivity): Promise<string> {
    const { id } = await this.#call<ActivityView>('POST', '/flash-sales', {
      coupon_id: activity.templateId,
      name: activity.name,
      total_count: activity.totalCount,
      per_user_limit: activity.perUserLimit,
      start_time: new Date(activity.startMs).toISOString(),
      end_time: new Date(activity.endMs).toISOString(),
    });
    return id;
  }

  async start(activityId: string): Promise<void> {
    await this.#call('POST', `/flash-sales/${activityId}/start`);
  }

  async end(activityId: string): Promise<void> {
    await this.#call('POST', `/flash-sales/${activityId}/end`);
  }

  /** An operator gives one coupon to each user. Resolves with user -> serial number. */
  async grant(templateId: string, userIds: readonly string[]): Promise<Map<string, string>> {
    const serials = new Map<string, string>();
    for (let from = 0; from < userIds.length; from += USERS_PER_GRANT) {
      const { results } = await this.#call<GrantView>('POST', `/coupon-templates/${templateId}/grant`, {
        user_ids: userIds.slice(from, from + USERS_PER_GRANT),
      });
      for (const { user_id, coupon_sns } of results) {
        const [sn] = coupon_sns;
        if (sn !== undefined) serials.set(user_id, sn);
      }
    }
    return serials;
  }

  reconciliation(activityId: string): Promise<ConservationReport> {
    return this.#call('GET', `/flash-sales/${activityId}/reconciliation`);
  }

  /** Any page of the interface, by its path below /api/v1. */
  read(path: string): Promise<unknown> {
    return this.#call('GET', path);
  }

  /** Of the caches of coupon-admin; null when nothing is cached. */
  async cacheCounts(): Promise<readonly CacheCounts[] | null> {
    const { cache } = await this.#call<{ cache: { caches: CacheCounts[] } | null }>('GET', '/system/stats');
    return cache?.caches ?? null;
  }

  async #call<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.adminUrl}${API}${path}`, {
      method,
      headers: {
        ...this.headers,
        ...(method === 'POST' ? { 'content-type': 'application/json', 'idempotency-key': randomUUID() } : {}),
      },
      ...(method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {}),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`coupon-admin answered ${method} ${path} with ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }
}
