// How every page prints the items of an order, whose names differ from one layer to the next.
export function showItems(order, items, product = 'product_id') {
  return `#${order}: ${items.map((item) => `${item.quantity}x${item[product]}`).join(' ')}`
}
