# The pages on Active Record, the models of Rails: app.rb looped|eager PAGE.
# Looped, associations load when they are touched; eager, with `includes`.
require "active_record"

class User < ActiveRecord::Base
  has_many :orders, -> { order(:id) }
end

class Order < ActiveRecord::Base
  belongs_to :user
  has_many :items, -> { order(:id) }, class_name: "OrderItem"

  def show_items
    "##{id}: " + items.map { |item| "#{item.quantity}x#{item.product_id}" }.join(" ")
  end
end

class OrderItem < ActiveRecord::Base
end

def recent_orders(looped)
  orders = Order.order(created_at: :desc).limit(20)
  orders = orders.includes(:user) unless looped
  orders.each { |order| puts "##{order.id} #{order.status} #{order.user.name}" }
end

def order_counts(looped)
  users = User.order(:id).limit(20).to_a
  counts = looped ? nil : Order.where(user_id: users).group(:user_id).count
  users.each { |user| puts "#{user.name}: #{looped ? user.orders.count : counts[user.id]} orders" }
end

def order_items(looped)
  orders = Order.order(created_at: :desc).limit(15)
  orders = orders.includes(:items) unless looped
  orders.each { |order| puts order.show_items }
end

def nested(looped)
  users = User.order(:id).limit(5)
  users = users.includes(orders: :items) unless looped
  users.each do |user|
    puts user.name
    user.orders.each { |order| puts "  #{order.show_items}" }
  end
end

def ship_orders(looped)
  pending = Order.where(status: "pending")
  orders = pending.order(:id).limit(12).to_a
  if looped
    orders.each { |order| order.update!(status: "shipped") }
  else
    Order.where(id: orders).update_all(status: "shipped")
  end
  puts "shipped #{orders.map(&:id)}, #{pending.count} left"
end

version, page = ARGV
ActiveRecord::Base.establish_connection(ENV.fetch("DATABASE_URL"))
send(page, version == "looped")
