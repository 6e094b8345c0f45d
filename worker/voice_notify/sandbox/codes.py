"""The provider's documented codes and messages (PROVIDER.md, Reply)."""

from __future__ import annotations

PLACED = 200
BAD_PARAMETER = 400
WRONG_ADDRESS = 404
MAINTENANCE = 500
BALANCE_EXHAUSTED = 603
OVER_DAILY_LIMIT = 606
TOO_FREQUENT = 609

MESSAGES = {
    PLACED: "成功",
    BAD_PARAMETER: "参数错误",
    WRONG_ADDRESS: "接口地址不正确",
    MAINTENANCE: "系统维护,请稍候再试",
    501: "官方数据源维护,请稍候再试",
    601: "接口未开通",
    602: "账号停用",
    BALANCE_EXHAUSTED: "余额不足请充值",
    604: "接口停用",
    OVER_DAILY_LIMIT: "调用超限,请明天再试",
    TOO_FREQUENT: "请求过于频繁,请稍候再试",
    999: "其他,以实际返回为准",
}


def message_of(code: int) -> str:
    """Return the provider's message for `code`; that of an undocumented code says nothing."""
    return MESSAGES.get(code, "未知")
