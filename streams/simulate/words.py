"""What customers write: short sentences in Chinese and English, some of them angry.

Owns the texts. Never holds anything a real person wrote.
Law: each text is a ready JSON field led by a comma. The product must drop them; that they are there is the
test of it.
"""

import msgspec

__all__ = ["CHAT_TEXTS", "LETTER_TEXTS"]

PLAIN = (
    *("在吗?", "你好,请问这个还有货吗?", "什么时候发货?", "我的快递到哪了?", "尺码怎么选?", "可以开发票吗?"),
    *(
        "优惠券用不了",
        "想改一下收货地址",
        "退款多久到账?",
        "好的,谢谢",
        "满减怎么算?",
        "已经三天没有物流更新了",
    ),
    *(
        "Hi, is this still in stock?",
        "Where is my parcel?",
        "How do I return this?",
        "Thanks!",
        "Can you ship today?",
    ),
    *(
        "The coupon does not work.",
        "Please change the address of my order.",
        'It says "pending" since yesterday.',
    ),
)
ANGRY = (
    *("太慢了,我要投诉!", "骗子,退钱!", "垃圾服务,没人管吗?", "再不处理我就去12315投诉"),
    *("This is unacceptable, I want a refund!", "Worst service ever.", "I will complain about this."),
)
LETTERS = (
    *("您好,订单里少了一件商品,请核实。", "附件是破损照片,请尽快处理。", "请补开上月的增值税发票。"),
    *("Dear team, the item arrived damaged, photos attached.", "Please send the invoice for my last order."),
)


def field(text: str) -> str:
    """The sentence as `,"text":"..."`."""
    return f',"text":{msgspec.json.encode(text).decode()}'


# Most lines carry no text, as most sources send none.
CHAT_TEXTS = ("",) * 170 + tuple(map(field, PLAIN)) * 2 + tuple(map(field, ANGRY))
LETTER_TEXTS = ("",) * 10 + tuple(map(field, LETTERS))
