import { AppError, formatMoney, parseId } from '@coupon/domain';
import {
  authenticateHttp,
  identityOf,
  pageOf,
  pageView,
  readIdempotencyKey,
  requestBody,
  requestQuery,
  route,
  validate,
} from '@coupon/service-kit';
import type { Authenticator, Route } from '@coupon/service-kit';
import type { Request } from 'express';
import type { ShopDatabase } from '../../adapters/databases';
import { reading } from '../../adapters/reading';
import type { StockStrategy as StrategyName } from '../../config';
import { findProduct, listProducts } from '../adapters/product-rows';
import { createProduct } from '../use-cases/create-product.use-case';
import type { Inventory } from '../use-cases/inventory';
import type { Product, ProductId } from '../use-cases/model';
import { unknownProduct } from '../use-cases/reserve-stock.use-case';
import type { StockStrategy } from '../use-cases/stock-strategy';
import * as requests from './requests';

export interface ProductRoutesDeps {
  readonly shop: ShopDatabase;
  readonly inventory: Inventory;
  readonly authenticator: Authenticator;
  /** By name, or the configured one. @throws InvalidArgumentError for one that this service cannot run */
  readonly strategy: (name: StrategyName | undefined) => StockStrategy;
}

const BASE = '/api/v1/products';

/** The catalogue and its stock. Everybody reads; operators write, and the shop's own services in an operator's name. */
export function productRoutes(deps: ProductRoutesDeps): readonly Route[] {
  const user = authenticateHttp(deps.authenticator);
  const operator = authenticateHttp(deps.authenticator, 'operator');
  return [
    route('post', BASE, operator, async (request, response) => {
      const product = await createProduct(deps.shop, {
        product: validate(requests.createProductBody, requestBody(request)),
        subject: identityOf(response).subject,
        idempotencyKey: readIdempotencyKey(request.get('idempotency-key')),
      });
      response.status(201).json(productView(product));
    }),
    route('get', BASE, user, async (request, response) => {
      const query = validate(requests.listProductsQuery, requestQuery(request), 'query');
      const page = pageOf(query);
      const rows = await reading(() => listProducts(deps.shop.client, page));
      response.json(pageView(rows, query, productView));
    }),
    route('get', `${BASE}/:id`, user, async (request, response) => {
      response.json(productView(await foundProduct(deps.shop, productIdOf(request))));
    }),
    route('get', `${BASE}/:id/stock`, user, async (request, response) => {
      const { id, stock, reserved, version } = await foundProduct(deps.shop, productIdOf(request));
      response.json({ product_id: id, stock, reserved, version });
    }),
    ...stockRoutes(deps),
  ];
}

function stockRoutes({ inventory, strategy, authenticator }: ProductRoutesDeps): Route[] {
  const operator = authenticateHttp(authenticator, 'operator');
  return [
    route('post', `${BASE}/:id/stock/reserve`, operator, async (request, response) => {
      const productId = productIdOf(request);
      const { orderSn, quantity } = validate(requests.reserveBody, requestBody(request));
      const query = validate(requests.reserveQuery, requestQuery(request), 'query');
      const [line] = await inventory.reserve(strategy(query.strategy), {
        orderSn,
        lines: [{ productId, quantity }],
        about: 'product',
        mayReserveAgain: false,
      });
      response.json({ order_id: orderSn, quantity, remaining_stock: line?.remaining ?? 0 });
    }),
    route('post', `${BASE}/:id/stock/release`, operator, async (request, response) => {
      const productId = productIdOf(request);
      const { orderSn } = validate(requests.releaseBody, requestBody(request));
      const [line] = await inventory.release({ orderSn, productId, alsoSold: true });
      if (line === undefined) throw unknownReservation(productId, orderSn);
      response.json({ order_id: orderSn, quantity: line.quantity, state: line.state });
    }),
  ];
}

async function foundProduct(shop: ShopDatabase, id: ProductId): Promise<Product> {
  const product = await reading(() => findProduct(shop.client, id));
  if (product === null) throw unknownProduct(id);
  return product;
}

function unknownReservation(productId: ProductId, orderSn: string): AppError {
  return new AppError('NOT_FOUND', `order ${orderSn} has reserved nothing of product ${productId}`, {
    details: { field: 'order_id', product_id: productId, order_id: orderSn },
  });
}

function productView(product: Product): object {
  return {
    id: product.id,
    name: product.name,
    price: formatMoney(product.priceMinor),
    category_id: product.categoryId,
    stock: product.stock,
    reserved: product.reserved,
    version: product.version,
    created_at: new Date(product.createdAtMs).toISOString(),
    updated_at: new Date(product.updatedAtMs).toISOString(),
  };
}

function productIdOf(request: Request): ProductId {
  return parseId<'product'>(request.params['id'], 'id');
}
